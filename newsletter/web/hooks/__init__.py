"""Providers' webhooks: events about our mail from the providers that deliver it.

Nothing in a post is acted on before it is verified; Mailgun's and SNS's signatures are in the body, so the envelope
is parsed first. Each provider's module is a function of headers, body, secrets and the moment, and knows neither Flask
nor the database. What they share is in `webhook`; `routes` records what they read, and answers with the
status that the provider's retry rules call for.

ses (by way of sns)        signed by Amazon's certificate, for topics of ours only
sendgrid, resend           signed over the body (resend sends by SES, and shares its words for a bounce)
mailgun                    signed over a token, which therefore counts once
postmark, brevo            not signed: a secret of ours, by basic auth, as bearer token or in the address
"""

from newsletter.web.hooks.routes import init_app

__all__ = ["init_app"]
