"""Who appears in the sample: Maya Lindqvist, a designer in Stockholm with a studio of her own, and the people around her."""

from dataclasses import dataclass
from typing import Literal

Home = Literal["personal", "work"]
Language = Literal["en", "sv", "de", "ja"]

MAYA = "Maya Lindqvist"
PERSONAL = "maya.lindqvist@gmail.com"
WORK = "maya@lindqvist-studio.example"
WORK_ALIAS = "hello@lindqvist-studio.example"
ZONE = "Europe/Stockholm"


@dataclass(frozen=True)
class Person:
    """Somebody who writes. `home`: the account they write to; `closeness`: how many threads they get, 1 to 4.

    phone: as a user would type it. birthday: "1987-05-12", "--05-12" without the year, or "". second: another address.
    """

    name: str
    address: str
    home: Home = "work"
    company: str = ""
    title: str = ""
    phone: str = ""
    closeness: int = 1
    language: Language = "en"
    birthday: str = ""
    second: str = ""

    @property
    def given(self) -> str:
        """What they sign with."""
        return self.name.split()[-1] if self.language == "ja" else self.name.split()[0]


PEOPLE: tuple[Person, ...] = (
    Person(
        "Priya Raman",
        "priya@northwind-health.example",
        "work",
        "Northwind Health",
        "VP Product",
        "+1 415 555 0132",
        4,
        second="priya.raman.sf@gmail.com",
    ),
    Person(
        "Tomás Oliveira", "tomas.oliveira@casaverde.example", "work", "Casa Verde", "Founder", "+351 912 345 678", 4
    ),
    Person(
        "Hannah Weiss",
        "hannah.weiss@weiss-verlag.example",
        "work",
        "Weiss Verlag",
        "Verlegerin",
        "030 2093 4455",
        3,
        "de",
    ),
    Person(
        "佐藤 美咲",
        "misaki.sato@kumo-design.example",
        "work",
        "雲デザイン",
        "アートディレクター",
        "03-3571-8824",
        3,
        "ja",
    ),
    Person(
        "Erik Lindqvist",
        "erik.lindqvist@hemmabo.example",
        "personal",
        phone="070-174 06 35",
        closeness=4,
        language="sv",
        birthday="1959-03-02",
    ),
    Person(
        "Karin Lindqvist",
        "karin.lindqvist@hemmabo.example",
        "personal",
        phone="070-174 06 36",
        closeness=3,
        language="sv",
        birthday="1961-11-19",
    ),
    Person(
        "Oskar Lindqvist",
        "oskar.l@skolmejl.example",
        "personal",
        phone="+46 73 555 01 20",
        closeness=2,
        language="sv",
        birthday="1994-08-27",
    ),
    Person(
        "Amara Okafor",
        "amara.okafor@gmail.com",
        "personal",
        "Okafor & Daughters",
        "Partner",
        "+44 7700 900 417",
        4,
        birthday="1988-06-14",
    ),
    Person(
        "Jonas Bergström",
        "jonas@lindqvist-studio.example",
        "work",
        "Lindqvist Studio",
        "Senior designer",
        "+46 70 174 06 51",
        4,
        "sv",
    ),
    Person(
        "Leila Haddad",
        "leila@lindqvist-studio.example",
        "work",
        "Lindqvist Studio",
        "Studio manager",
        "+46 70 174 06 52",
        4,
    ),
    Person(
        "Daniel O’Connor",
        "daniel.oconnor@brightline-legal.example",
        "work",
        "Brightline Legal",
        "Counsel",
        "+353 1 555 0148",
        2,
    ),
    Person(
        "Fatima Zahra El Idrissi",
        "fz.elidrissi@atlas-textiles.example",
        "work",
        "Atlas Textiles",
        "Head of Brand",
        "+212 661 234 567",
        3,
    ),
    Person("Grace Kim", "grace.kim@hanok-coffee.example", "work", "Hanok Coffee", "Co-owner", "+82 2 312 3456", 3),
    Person(
        "Wei Zhang", "wei.zhang@bluecrane.example", "work", "Blue Crane Mobility", "Design lead", "+86 10 6552 9988", 2
    ),
    Person(
        "Иван Петров", "ivan.petrov@typefoundry.example", "work", "Severny Type", "Type designer", "+7 912 345-67-89", 2
    ),
    Person(
        "Γιώργος Παπαδόπουλος",
        "giorgos@aegean-print.example",
        "work",
        "Aegean Print",
        "Production manager",
        "+30 21 0123 4567",
        2,
    ),
    Person(
        "Chloé Martin",
        "chloe.martin@atelier-martin.example",
        "work",
        "Atelier Martin",
        "Illustrator",
        "01 42 68 53 00",
        3,
    ),
    Person(
        "Samuel Adeyemi",
        "samuel.adeyemi@lagosdesignweek.example",
        "work",
        "Lagos Design Week",
        "Programme director",
        "+234 803 123 4567",
        2,
    ),
    Person("Rebecca Stone", "rebecca@stonecapital.example", "work", "Stone Capital", "Principal", "(212) 555-0187", 2),
    Person(
        "Mateo Fernández", "mateo.fernandez@gmail.com", "personal", "", "", "+34 612 34 56 78", 3, birthday="--09-30"
    ),
    Person(
        "Ingrid Solheim",
        "ingrid.solheim@fjordmail.example",
        "personal",
        "Oslo Kammerkor",
        "Conductor",
        "+47 406 12 345",
        3,
    ),
    Person("Lukas Vogel", "lukas.vogel@posteo-mail.example", "personal", "", "", "+49 30 901820", 2, "de"),
    Person(
        "Nina Johansson", "nina.johansson@telemail.example", "personal", "", "", "08-12 34 56", 3, "sv", "1990-01-05"
    ),
    Person(
        "Aisha Rahman", "aisha.rahman@gmail.com", "personal", "Royal Institute", "PhD student", "+44 20 7946 0958", 2
    ),
    Person("Peter Novak", "p.novak@vltava.example", "personal", "", "", "+420 601 123 456", 1),
    Person("田中 健", "ken.tanaka@yamanote.example", "personal", "山手出版", "編集者", "+81 90-1234-5678", 2, "ja"),
    Person(
        "Sofia Rossi",
        "sofia.rossi@officinarossi.example",
        "work",
        "Officina Rossi",
        "Creative director",
        "+39 06 6982 0001",
        2,
    ),
    Person("Ben Carter", "ben@cartercopy.example", "work", "Carter Copy", "Copywriter", "(0117) 496 0123", 3),
    Person(
        "Yusuf Demir",
        "yusuf.demir@bosphorus-media.example",
        "work",
        "Bosphorus Media",
        "Producer",
        "+90 501 234 56 78",
        1,
    ),
    Person(
        "Olivia Brandt",
        "olivia.brandt@nordlys-museum.example",
        "work",
        "Nordlys Museum",
        "Curator",
        "+45 32 12 34 56",
        3,
    ),
    Person("Raj Patel", "raj@patelaccounting.example", "work", "Patel Accounting", "Accountant", "+46 8 555 010 77", 3),
    Person(
        "Emma Nyström",
        "emma.nystrom@stadsarkivet.example",
        "work",
        "Stadsarkivet",
        "Arkivarie",
        "08-508 283 00",
        2,
        "sv",
    ),
    Person(
        "Marcus Hale",
        "marcus.hale@halephoto.example",
        "work",
        "Hale Photography",
        "Photographer",
        "+44 7700 900 233",
        2,
    ),
    Person("Anna Kowalska", "anna.kowalska@wisla-books.example", "work", "Wisła Books", "Editor", "+48 512 345 678", 1),
    Person("Noor van Dijk", "noor@vandijkstudio.example", "work", "Van Dijk Studio", "Partner", "+31 6 12345678", 2),
    Person("Julia Engström", "julia.engstrom@gmail.com", "personal", "", "", "+46 72 555 01 90", 2, "sv"),
    Person(
        "Henrik Dahl",
        "henrik.dahl@brf-solrosen.example",
        "personal",
        "Brf Solrosen",
        "Ordförande",
        "070 174 06 60",
        2,
        "sv",
    ),
    Person("Carmen Delgado", "carmen.delgado@correo.example", "personal", "", "", "", 1),
    Person(
        "Will Thompson",
        "will.thompson@oakfield-school.example",
        "work",
        "Oakfield School",
        "Head of Art",
        "020 7946 0321",
        1,
    ),
    Person(
        "Mei-Ling Chen",
        "meiling.chen@taipeipaper.example",
        "work",
        "Taipei Paper",
        "Export manager",
        "+886 912 345 678",
        1,
    ),
    Person("Patrick Dubois", "patrick.dubois@gmail.com", "personal", "", "", "+33 6 12 34 56 78", 1),
    Person(
        "Zanele Mokoena", "zanele@ubuntu-festival.example", "work", "Ubuntu Festival", "Producer", "+27 71 123 4567", 1
    ),
)

TEAM = tuple(person for person in PEOPLE if person.address.endswith("@lindqvist-studio.example"))


def named(name: str) -> Person:
    """The person of that name."""
    return next(person for person in PEOPLE if person.name == name)
