"""Patterns that tell what a mail is: senders, subjects and sentences, in the languages met so far."""

import re


def any_of(patterns: str) -> re.Pattern[str]:
    """One pattern for all of these, each on a line of its own, for text in small letters.

    Where capitals count as small letters, Python tries each alternative in each place: up to ten times as long.
    """
    lines = (line.strip() for line in patterns.splitlines())
    return re.compile("|".join(line for line in lines if line and not line.startswith("# ")))


DAEMON = any_of(
    r"""
    mailer[\s._-]?daemon|post[\s._-]?master|mail[\s._-]?deliver|mdaemon|maildaemon
    deliver[\s._-]?(?:daemon|system|subsystem|report)
    mail[\s._-]?admin|anti-?virus|mail system|mail-?router|mailbouncer|amavis|microsoft ?exchange
    system administrator|systemadmin|returned mail|undeliver|\bndr@
    """
)
"""Senders that return mail, by name or address."""

NOBODY = re.compile(r"<\s*(?:mailer-daemon(?:@[\w.-]*)?)?\s*>")
"""An empty return path (RFC 5321, 4.5.5), as that of reports and auto-replies."""

FAILED = any_of(
    r"""
    undeliver|non[\s-]?deliver|not (?:be )?deliver|nondeliverable|undelivered|unzustellbar|bounce|failure|rejected
    deliver(?:y|ed)?\W.{0,30}(?:fail|error|problem|unsuccess|status|notif|report)
    (?:fail|error|problem|unable|could ?n.t|cannot|n.t able).{0,40}(?:deliver|send|notice|mail)
    returned (?:mail|message|to sender)|mail (?:status|system|delivery|could not)|\bmail.{0,12}return
    delivery (?:status|fail|err|notif|has|report)|ndn:|failed recipient|smtp error|message (?:blocked|refused|not)
    (?:user|recipient|host) unknown|unknown (?:user|recipient)|no such user|not a valid user
    mailbox.{0,20}(?:full|quota)
    # Of mailing lists
    you are not a member of this mailing list|duplicated message-id in
    # German, French, Spanish, Italian, Portuguese, Dutch
    nicht (?:zugestellt|zustellbar|ausgeliefert)|zustellung|rückläufer
    non remis|non distribu|n'a pas pu|échec|avis de non
    no (?:se )?(?:ha |pudo |se puede )?(?:podido )?entreg|fallo de|devuelto
    mancata consegna|non recapit|impossibile consegnare
    não (?:foi )?(?:pôde )?(?:ser )?entreg|falha na entrega|devolvid
    onbestelbaar|niet (?:worden )?(?:bezorgd|afgeleverd)
    # Danish and Norwegian, Swedish, Polish, Czech, Russian, Turkish, Hungarian
    kunne ikke leveres|kunde inte levereras|nie(?:dostarcz|doręcz)|nelze doručit|nedoručiteln
    не ?доставлен|не может быть доставлен|недоставк|teslim edilemedi|kézbesíthetetlen
    # Japanese, Chinese, Korean
    配信|送信.{0,6}エラー|メール.{0,4}エラー|送信できません|不達
    退信|无法(?:投递|发送|送达)|邮件发送失败|未傳遞|전송 실패|반송
    """
)
"""That something was not delivered."""

DELAYED = any_of(
    r"""
    \bdelayed|warning: (?:could not|message|mail)|warning message only|do not need to resend
    will (?:continue|keep|be) (?:to be |to |trying|retr)|still (?:being|trying|be) (?:retr|to)
    not yet been delivered|has not been delivered (?:yet|since)|not been able to deliver .{0,30}yet
    temporar\w{1,9} (?:fail|problem|undeliver)
    retards? de livraison|verzögert|verspätet|retrasad|in ritardo|vertraagd|задерж
    """
)
"""That it has not been delivered yet."""

FINAL = any_of(
    r"""
    permanent|giving up|given up|no further attempt|will not be (?:retried|tried)|has been (?:returned|removed)
    """
)
"""That it never will be, whatever else is said."""
