"""What servers say of the recipient: their address, their mailbox, their domain, their wishes."""

from newsletter.delivery.bounces.report import Reason

RECIPIENT: dict[Reason, str] = {
    Reason.USER_UNKNOWN: """
        # There is none of this name.
        user unknown | unknown user | user not known | is not a known user | unknown recipient | recipient unknown
        recipientunknown | recipient is unknown | address unknown | mailbox unknown | unknown mailbox
        unknown local part | unknown local-part | unknown email address | unknown account | unknown e-mail address
        unknown address | unknown or illegal alias | account unknown | unknown login | user (*) unknown
        invalid or unknown | rejected: unknown user | rejected: userunknown | unknown or invalid | no such user
        no such recipient | no such mailbox | no such address | no such person | no such local | no such account
        no such e-mail address | no such email | no such alias | no user by that name | no such a user
        no one at this address | no mailbox here | no mailbox by that name | no mailbox found
        no mail box available | no account by that name | no valid recipients, bye | no valid mailbox | no user here
        address is unknown | user is unknown | is not known to this | unknown or illegal user | unknown virtual user
        no such mail | nobody by that name | no one with that | no one by that | doesn't handle mail for that user
        non-existent user | non existent user | nonexistent user | nonexistent mailbox | not present in dir
        no * in name directory | not listed in * directory | not listed in domino | not listed in public name
        not our customer | not a member of domain | recipient unrecognized | no mail-box here | not have an account here
        # It is not there (any more).
        user does not exist | user doesn't exist | user not found | user not exist | user * was not found
        user * does not exist | user <*> does not exist | user's email name is not found | does not exist here
        recipient does not exist | recipient doesn't exist | recipient not found | recipient not exist
        recipient * was not found in | recipient * does not exist | recipient notfound | recipnotfound
        recipientnotfound | rcpt <*> does not exist | rcpt (*t exist | couldn't be found | wasn't found at
        address does not exist | address doesn't exist | address not found | address could not be found
        address couldn't be found | <*> not found | email address not found | no longer a valid
        account * does not exist | account does not exist | account doesn't exist | account not found
        account that you tried to reach does not exist | mailbox does not exist | mailbox doesn't exist
        mailbox not found | mailbox not present | mailbox * does not exist | mailbox * not found | does not exist.
        does not exist at the organization | doesn't have a * account | no longer in use | no longer available at
        is no longer valid | no longer with | wrong or no longer valid | destination addresses were unknown
        not a valid email | spectator does not exist | address_not_found | address was not found | not found in ldap
        account not exist | mailbox not exist | address not exist | unable to find alias | address no longer valid
        address no longer exists | user no longer exists | mailbox no longer exists | account no longer exists
        can't find user's mailbox
        # It is of no use as an address.
        invalid recipient | recipient invalid | invalid mailbox | mailbox invalid | invalid address | invalid user
        user invalid | invalid-recipient | 550 address invalid | bad destination mailbox | #5.1.1 bad address
        bad address - | bad recipient | bad-recipient | bad_recipient | address is invalid | not a valid recipient
        not a valid user | not a valid mailbox | is not a valid address | is not an active address
        not a local address | recipient is not local | not our local user | not email addresses | recipient not ok
        recipient is not accepted | can't accept user | user not active | user missing home directory
        invalid account | invalid email address | invalid e-mail address
        no longer accepts mail | no longer active | inactive email address | mailbox is inactive | mailbox inactive
        # The server does not say more, but says it of the mailbox.
        mailbox is unavailable | mailbox unavailable | mailbox unavaiable | mailbox * unavailable
        account unavailable | recipient address rejected: access denied | refuses to accept your mail
        recipient address rejected: * in * table | recipient address rejected. (in reply to rcpt
        *5.1.0 address rejected | *5.1.1 address rejected | rejected recipients | recipients were undeliverable
        following recipients was undeliverable | <*>... blocked by | badrcptto | badrecipientto | validrcptto
        envelope recipient has been denied | domain or user isn't in my list of allowed rcpthosts
        # In other languages: Italian, Spanish, Portuguese,
        nessun utente simile | utente sconosciuto | utente inesistente | destinatario sconosciuto | destin. sconosciuto
        destinatario errato | indirizzo inesistente | casella inesistente | casella * non esiste
        no existe dicha persona | no existe ese usuario | usuario desconocido | usuario no existe | usuario inexistente
        destinatario desconocido | destinatario no existe | destinatario inexistente | dirección * no existe
        direccion * no existe | cuenta * no existe | cuenta inexistente | buzón * no existe | buzon * no existe
        usuário desconhecido | usuário inexistente | usuário não existe | destinatário desconhecido
        usuario nao existe | destinatario nao existe
        destinatário inexistente | caixa postal inexistente | conta inexistente | endereço não existe
        # French, German, Dutch,
        utilisateur inconnu | utilisateur inexistant | utilisateur n'existe pas | destinataire inconnu
        destinataire inexistant | destinataire invalide | adresse inconnue | adresse * inexistante
        adresse * n'existe pas | compte * n'existe pas | compte inexistant | boîte aux lettres inconnue
        adresse nicht gefunden | adresse existiert nicht | adressat unbekannt | empfänger unbekannt
        empfaenger unbekannt | empfänger existiert nicht | empfaenger existiert nicht | benutzer unbekannt
        benutzer existiert nicht | konto existiert nicht | postfach existiert nicht
        gebruiker onbekend | onbekende gebruiker | gebruiker bestaat niet | adres bestaat niet
        # Danish, Norwegian, Swedish, Finnish,
        brugeren findes ikke | modtageren findes ikke | adressen findes ikke | ukjent bruker | brukeren finnes ikke
        okänd användare | användaren finns inte | mottagaren finns inte | adressen finns inte | käyttäjää ei löydy
        # Polish, Czech, Hungarian, Russian, Turkish,
        nieznany użytkownik | nie ma takiego uzytkownika | nie ma takiego użytkownika | nie ma takiego konta
        użytkownik * nie istnieje | uzytkownik * nie istnieje | odbiorca * nie istnieje | konto * nie istnieje
        adres * nie istnieje
        uživatel neexistuje | neexistující uživatel | adresát neexistuje | schránka neexistuje
        ismeretlen felhasználó | ismeretlen címzett | nem létező felhasználó
        пользователь не найден | пользователь не существует | такого пользователя нет | нет такого пользователя
        адресат не найден | ящик не найден | ящик не существует | kullanıcı bulunamadı
        # Japanese, Korean, Chinese.
        あて先が見つかりません | ユーザーが見つかりません | ユーザが見つかりません | 존재하지 않는 사용자
        用户不存在 | 收件人不存在 | 收件人地址不存在 | 邮箱不存在 | 无此用户 | 使用者不存在
    """,
    Reason.FILTERED: """
        blocked by recipient
        user reject | rejected due to user rules | refused due to recipient preferences | message filtered
        refuses to receive this mail | refuse to receive mail | blocked by the recipient | account is protected
        is not accepting any mail | is not accepting mail | only accepting mail from specific email addresses
        not found recipient account | has restricted sms e-mail | bounced address | restricted by the user
        due to extended inactivity new mail is not currently being accepted
        rejected by recipient | rejected by the recipient | 受信拒否
        # Whom the recipient wants mail from.
        only accepts m | accepts mail only | has blocked you | mailbox is restricted | delivery restricted
        delivery is restricted | no external mail | reachable from outside | for internal use | refuses mail from
        not accept mail from you | mail from your address | on vacation | allowed senders
        not allowed to send to
    """,
    Reason.HAS_MOVED: """
        has been replaced by | recipient no longer on server | has moved to | account has been moved
        address has changed | email address has been changed | user has moved
    """,
    Reason.MAILBOX_FULL: """
        mailbox full | mailbox is full | mailbox * full | storage full | mailbox limit ex
        full mailbox | inbox is full | mailfolder is full
        over quota | over the quota | over * quota | overquota | over-quota | quota exceed | quota * exceeded
        exceeded * quota | exceeding * quota | quotaexceeded | exceeds * quota | account is * quota | disk quota
        diskquota | disc quota | mailbox quota | mailbox * quota | maildir * quota | quota violation
        quota exhausted | mailbox * exceeded * limit | mailbox size limit exceeded | mailbox exceeds allowed size
        exceeded storage | exceeded its disk space | would exceed maximum allowed storage | out of storage space
        storage limit | insufficient disk space | enough * space | no space left on device
        not sufficient disk space | not enough storage | mail file size exceeds the maximum size allowed
        too many messages on the server | too much mail data | user's space has been used up
        zuviele mails | zu viele mails | exhausted allowed storage | user has exceeded | inbox full | mailbox is over
        over disk limit | diskspace quota | space has been used up
        for exceeding receiving limits | boite du destinataire pleine | boîte * pleine
        quota dépassé | cuota excedida | cuota superada | quota superata | cota excedida | caixa de correio cheia
        casilla llena | buzón lleno | buzon lleno | mailbox lleno | casilla * agotado | casella piena
        caixa postal cheia | postfach * voll
        postfach voll | speicherplatz | mailbox vol | skrzynka * pełna | ящик переполнен | 邮箱已满
        postvak is vol | inkorgen är full | schránka je plná | 邮箱空间已满 | 邮箱容量已满 | 信箱已滿
        メールボックスの容量
    """,
    Reason.SUSPENDED: """
        account is disabled | account disabled | account has been disabled | account that you tried * disabled
        account that you tried to reach is inactive | account is inactive | inactive account | is suspended
        mailbox disabled | mailbox is disabled | user is disabled | user disabled | user or domain is disabled
        has been suspended | currently suspended | temporarily suspended | account suspended | user suspended
        is frozen | been frozen | account is locked | temporary locked | temporarily inactive
        mailbox unavailable or access denied
        deactivated mailbox | account deactivated | has been deactivated | invalid/inactive user
        user is terminated | account has expired | account expired | suspend the service | archived recipient
        user is inactive | account is expired | expired account | account not activated | status is locked
        account inactive | inactive user | due to inactivity | locked or suspended | mailbox was disabled
        temporarily disabled | currently disabled | account on hold | mailbox deactivated
        mailbox has been disabled | inactive and has been disabled
        account closed | account is closed | account has been closed
        mailbox closed | mailbox is closed | casilla ha expirado | en estado: inactivo | cuenta desactivada
        cuenta deshabilitada | cuenta cerrada | conta desativada | conta suspensa | bloccato per inutilizzo
        account disattivato | casella disattivata | compte désactivé | compte suspendu | konto gesperrt
        konto deaktiviert | postfach deaktiviert | konto jest zablokowane
        account is not active | mailbox disabled for this recipient | has not been activated
        boite du destinataire archivee | konto ist gesperrt | postfach * gesperrt | cuenta suspendida
    """,
    Reason.HOST_UNKNOWN: """
        domain existiert nicht | unbekannte domain | dominio no existe | dominio inesistente | domaine inconnu
        domaine n'existe pas | domena nie istnieje | домен не существует
        domain does not exist | domain doesn't exist | domain must exist | no such domain | unknown domain
        domain is not reachable | domain name not found | domain not found | mail domain * is unknown | host unknown
        unknown host | host unreachable | host or domain name not found | host name is unknown
        couldn't find any host by that name | couldn't find any host named | couldn't find * domain | no such host
        bad host name | name or service not known | unroutable address | unrouteable address
        account or domain may not exist | 553 * does not exist | nxdomain | non-existent domain
        dns domain * does not exist | invalid domain name in recipient | domain * couldn't be found
    """,
}
