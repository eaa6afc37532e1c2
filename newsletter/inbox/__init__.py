"""The local inbox: every mail the press sends on a laptop, kept and shown; nothing leaves the machine.

smtp     takes mail in, as any mail server would
store    keeps each mail as the bytes that came, and forgets the oldest
reading  what a mail says: headers, text, HTML, parts; never fails
web      the page and its JSON
guard    what a browser may do with a stranger's mail
doors    the ports, on this machine only
run      all of it together: start, wait for a signal, stop
"""
