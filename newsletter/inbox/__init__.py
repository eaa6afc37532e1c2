"""The local inbox: a mail server for development that stores and shows every mail; nothing leaves the machine.

smtp       the SMTP server
store      the stored mails; the oldest are deleted
parse      headers, text, HTML and parts of a mail; never fails
web, view  the pages and the JSON
security   the policies for showing untrusted mail in a browser
listeners  the sockets, on the loopback interface only
run        start everything, wait for a signal, stop
"""
