"""The brief as an email: one MIME message, from the account to itself. Pure."""

from email.errors import HeaderParseError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal

from libs.common.brief_mark import BRIEF_HEADER
from libs.common.errors import Unprocessable
from services.prep.domain.clean import line
from services.prep.domain.times import counted

MAX_SUBJECT_TITLE = 120
MAX_PLAIN = 66
"""What stands on one line behind `Subject: `."""
_ENCODED_WORD = "=?"
_PLAIN = bytes(range(127))


def subject(title: str, minutes: int) -> str:
    """`Meeting prep: {title} in {n} minutes`."""
    return (
        f"Meeting prep: {line(title, MAX_SUBJECT_TITLE) or '(no title)'} in {counted(minutes, 'minute') or '0 minutes'}"
    )


def compose(address: str, subject: str, html: str, text: str, token: str) -> bytes:
    """The message's bytes.

    The library decodes encoded words (`=?utf-8?q?…?=`) in the addresses it is given, and would write line ends out of those into the
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
    message.set_raw("Subject", _encoded(subject))
    message["Auto-Submitted"] = "auto-generated"
    message[BRIEF_HEADER] = token
    message.set_content(text, cte=_transfer_encoding(text))
    message.add_alternative(html, subtype="html", cte=_transfer_encoding(html))
    return message.as_bytes()


def _encoded(text: str) -> str:
    """A line of text as a header holds it: as it is where that is plain and short, else all of it in encoded words. ValueError: no line.

    Not left to the library, which takes what looks like an encoded word for one, and, where it folds, encodes what it has encoded before.
    """
    if text.splitlines() != [text]:
        raise ValueError("a header is one line")
    if text.isascii() and text.isprintable() and _ENCODED_WORD not in text and len(text) <= MAX_PLAIN:
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _transfer_encoding(text: str) -> Literal["quoted-printable", "base64"]:
    """Whichever is shorter: Gmail cuts off what is long on its way. A byte beyond ASCII takes three characters in place of 4/3."""
    written = text.encode()
    beyond = len(written.translate(None, _PLAIN))
    return "base64" if beyond > len(written) / 6 else "quoted-printable"


def reference(token: str) -> str:
    """The line in the body by which somebody finds this very brief among others of the same name."""
    return f"Brief reference {token}"
