"""Domains under which anybody has an address: a rule for one of them would be about half the world."""

# Those that give out addresses under many top-level domains (`yahoo.co.uk`, `gmx.net`).
_PROVIDERS = frozenset(
    {"gmail", "googlemail", "outlook", "hotmail", "live", "msn", "yahoo", "ymail", "gmx", "yandex", "aol", "zohomail"}
)
_DOMAINS = frozenset(
    """
    126.com 139.com 163.com abv.bg alice.it att.net bell.net bigpond.com bk.ru bluewin.ch bol.com.br btinternet.com centrum.cz
    charter.net comcast.net cox.net daum.net duck.com earthlink.net email.cz ezweb.ne.jp fastmail.com fastmail.fm foxmail.com free.fr
    freemail.hu freenet.de hanmail.net hey.com i.ua icloud.com inbox.com inbox.lv inbox.ru interia.pl laposte.net libero.it list.ru
    mac.com mail.com mail.de mail.ru mailbox.org me.com naver.com o2.pl onet.pl optonline.net orange.fr outlook.com pm.me pobox.com
    posteo.de proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com rogers.com sapo.pt sbcglobal.net
    seznam.cz sfr.fr shaw.ca sina.com sky.com sohu.com sympatico.ca t-online.de talktalk.net tiscali.it tuta.com tuta.io tutanota.com
    ukr.net uol.com.br verizon.net virgilio.it virginmedia.com walla.com wanadoo.fr web.de windowslive.com wp.pl ya.ru zoho.com
    """.split()  # noqa: SIM905 - a list of 90 quoted words is no easier to read
)
# Below a country's domain: `co.uk` is nobody's.
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "gv", "ne", "net", "nom", "or", "org"})
_COUNTRY_LETTERS = 2


def is_public(domain: str) -> bool:
    """Whether this canonical domain is not one organisation's: a provider's for everybody, or one below which organisations have theirs."""
    labels = domain.split(".")
    if len(labels) < 2:
        return True
    below_country = len(labels[-1]) == _COUNTRY_LETTERS and labels[-2] in _SECOND_LEVEL
    if below_country and len(labels) == 2:
        return True
    return domain in _DOMAINS or (labels[0] in _PROVIDERS and len(labels) == (3 if below_country else 2))
