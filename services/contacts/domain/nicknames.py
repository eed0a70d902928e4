"""Short forms of given names, folded: which full names each of them stands for."""

from collections.abc import Mapping

_SHORT_FORMS = """
abigail: abby gail
albert: al bert bertie
alexander: alex alec sasha sandy sascha xander lex aleksandr
alexandra: alex sandra sasha sandy lexi
alfred: alf fred freddie
amanda: mandy
andreas: andi
andrew: andy drew
angela: angie
anthony: tony
antonio: tony toni
arthur: art artie
barbara: barb babs
benjamin: ben benny benji
bernard: bernie
bernhard: bernd
beverly: bev
catherine: cat cathy kate katie kitty cath
charles: charlie chuck charley
christian: chris
christina: chris tina chrissy
christine: chris chrissy tina
christoph: chris
christopher: chris kit topher
cornelia: conny nelly
daniel: dan danny
david: dave davey
deborah: deb debbie
dmitry: dima mitya
dominic: dom nick
donald: don donny
dorothy: dot dottie dolly
edward: ed eddie ted teddy ned
eleanor: ellie nell nora
elizabeth: liz lizzy beth betty eliza lisa elsie libby
elisabeth: liz lisa sissi elli
emily: em emmy
eugene: gene
ekaterina: katya
francesca: fran
francis: frank fran
francisco: paco pancho
frederick: fred freddie
friedrich: fritz fred
gabriel: gabe
geoffrey: geoff jeff
gerald: gerry jerry
giovanni: gianni
giuseppe: beppe peppe
gregory: greg
guillermo: memo
hannah: hanna
harold: harry hal
heinrich: heinz heiner
henry: harry hank hal
ignacio: nacho
isabella: bella izzy isa
jacob: jake
jacqueline: jackie
james: jim jimmy jamie
janet: jan
jeffrey: jeff
jennifer: jen jenny
jeremy: jerry
jessica: jess jessie
joachim: jochen achim
johannes: hannes johann hans jan
john: jack johnny jon
jonathan: jon jonny nathan
jose: pepe
joseph: joe joey
joshua: josh
judith: judy
julian: jules
karl: kalle
katarzyna: kasia
katharina: kathi kati katja
katherine: kate katie kathy kat kitty
kathleen: kathy kate
kenneth: ken kenny
kimberly: kim
lawrence: larry
leonard: len leo lenny
louis: lou
louise: lou
ludwig: lutz
magdalena: lena magda
malgorzata: gosia
manuel: manu
margaret: maggie meg peggy greta marge
margarete: grete gretchen
maria: mia mary
martin: marty
matthew: matt matty
matthias: matze
maximilian: max
maxwell: max
melissa: mel
michael: mike mick mickey micha misha
mikhail: misha
mohammed: mo
natalia: natasha
nathaniel: nat nate
nicholas: nick nicky
nicolas: nico nick
nikolai: kolya
olivia: liv livvy
pamela: pam
patricia: pat patty tricia trish
patrick: pat paddy rick
pedro: perico
penelope: penny
peter: pete
philip: phil pip
philipp: phil
rebecca: becky becca
reinhard: reini
richard: rick dick rich ricky
robert: bob bobby rob robbie bert
roberto: beto
ronald: ron ronnie
rosemary: rosie
rudolf: rudi
samantha: sam sammy
samuel: sam sammy
sebastian: seb basti bastian
sergei: seryozha
stanley: stan
stephanie: steph steffi
stefan: steff
stephen: steve
steven: steve
susan: sue susie suzy
susanne: susi sanne
tatiana: tanya
theodore: ted teddy theo
theresa: terry tess tessa
thomas: tom tommy
timothy: tim timmy
tobias: tobi
ulrich: uli
ursula: uschi ulla
valentina: valya
veronica: ronnie vera
victoria: vicky tori
vincent: vince vinnie
vladimir: vova volodya
walter: walt wally
wilhelm: willi helmut
william: bill billy will willy liam
wolfgang: wolf wolfi
yevgeny: zhenya
zachary: zach zack
"""


def _full_names() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _SHORT_FORMS.split("\n"):
        full, _, short_forms = line.partition(":")
        for short in short_forms.split():
            found.setdefault(short, set()).add(full)
    return {short: frozenset(full) for short, full in found.items()}


FULL_NAMES: Mapping[str, frozenset[str]] = _full_names()
"""By short form."""


def given_names(word: str) -> frozenset[str]:
    """The full names that a folded given name may stand for: itself, where it is no short form."""
    return FULL_NAMES.get(word) or frozenset((word,))


def may_be_same_given_name(first: str, second: str) -> bool:
    """Whether two different folded given names are forms of a common one: bob and robert, alex and sasha."""
    return first != second and not given_names(first).isdisjoint(given_names(second))
