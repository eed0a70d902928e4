"""The brief as an email: one MIME message, from the account to itself. Pure."""

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from libs.common.brief_mark import BRIEF_HEADER
from libs.common.errors import Unprocessable
from services.prep.domain.clean import line
from services.prep.domain.times import counted

MAX_SUBJECT_TITLE = 120
_ENCODED_WORD = "=?"


def subject(title: str, minutes: int) -> str:
    """`Meeting prep: {title} in {n} minutes`."""
    return (
        f"Meeting prep: {line(title, MAX_SUBJECT_TITLE) or '(no title)'} in {counted(minutes, 'minute') or '0 minutes'}"
    )


def compose(address: str, subject: str, html: str, text: str, token: str) -> bytes:
    """The message's bytes. Headers are folded and encoded by the library, which refuses line ends in them.

    But it also decodes encoded words (`=?utf-8?q?…?=`) in the values it is given, and would write line ends out of those into the
    head: so none is given. Nor is an address beyond ASCII: the library would make an encoded word of it, which reads as another address
    (RFC 2047, section 5). Unprocessable: the account's address is none that a header can hold.
    """
    message = EmailMessage(policy=SMTP)
    try:
        if _ENCODED_WORD in address or not address.isascii():
            raise ValueError("an encoded word, or beyond ASCII")
        mailbox = Address(addr_spec=address)
        message["From"] = mailbox
        message["To"] = mailbox
    except (ValueError, HeaderParseError, IndexError) as error:
        raise Unprocessable("The account's own address can't be written in a mail header.") from error
    message["Subject"] = subject.replace(_ENCODED_WORD, "= ?")
    message["Auto-Submitted"] = "auto-generated"
    message[BRIEF_HEADER] = token
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def reference(token: str) -> str:
    """The line in the body under which Sent is searched for the brief."""
    return f"Brief reference {token}"
