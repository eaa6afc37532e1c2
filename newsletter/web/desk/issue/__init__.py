"""One issue at the desk: its page, checks, approval, test mails, history and corrections."""
