"""The phrases by which sentences are known: salutations, pleasantries, wants, promises and deliveries. Pure; one phrase a line.

English as people write it; of other languages what can mean nothing else. An apostrophe stands for the typographic one too.
"""

import re


def _one_of(phrases: str) -> str:
    """A pattern of any of these phrases: one a line, each a pattern of its own."""
    lines = (line.strip() for line in phrases.replace("'", "['’]").splitlines())
    return "(?:" + "|".join(line for line in lines if line) + ")"


def _word_of(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"“„«])"
    + _word_of(
        r"""\w \d{1,2} mr mrs ms dr prof st mt no nos nr fig vs etc approx ca resp inc ltd co corp jr sr e\.g i\.e a\.m p\.m z\.b u\.a d\.h
        bzw inkl evtl ggf tel str hr fr dipl ing abs art cf p\.ex sra? srta ud uds jan feb mar apr jun jul aug sept? oct okt nov dec dez"""
    )
    + "$",
    re.IGNORECASE,
)
"""What ends before a full stop that ends no sentence."""

SALUTATION = re.compile(
    "^("
    + _one_of(
        r"""
        hi|hello|hey|dear
        good (?:morning|afternoon|evening)
        hallo|guten (?:tag|morgen)|liebe[rs]?|moin|servus|beste|hej|hei
        bonjour|salut|ch[eè]re?s?
        hola|buen[oa]s (?:d[ií]as|tardes)|estimad[oa]s?|querid[oa]s?
        ciao|buongiorno|gentile|car[oa]s?|ol[aá]|prezad[oa]s?
        cześć|dzień dobry|привет|здравствуйте|добрый день
        """
    )
    + r")\b[^,!.?:;–—]{0,40}[,!:;–—]\s*",
    re.IGNORECASE,
)
"""A greeting with whom it is for; its first group is the greeting alone."""

_WHOM = "you|u|things|it|everything|everyone|life|all"
_SMALL_TALK = _word_of(
    "weekend holidays? vacation trip day week summer winter christmas family kids health flight journey"
)
_HOW_ARE = "how(?:'?s| is| are| was| were| have| has| did| do)?"
_SMALL_TALK_END = _word_of(
    "all doing going been keeping feeling getting on today these days there now so far with you go lately and the family kids"
)
PLEASANTRY = re.compile(
    "^(?:and |so |ps:? )?"
    + _one_of(
        rf"""
        {_HOW_ARE} (?:{_WHOM}|(?:your|the|my) {_SMALL_TALK})\b(?: {_SMALL_TALK_END})*
        what(?:'s| is) (?:up|new|going on|happening)(?: with you)?
        how (?:cool|great|nice|lovely|funny|awesome) is (?:that|this)
        long time no see|remember me|guess what|you know what|who knew|who knows|why not|what can i say
        (?:is )?(?:any|everything)(?:body|one)? (?:ok|okay|fine|alright|good)
        who would have thought(?: (?:it|that))?
        can you believe (?:it|that|this)
        isn't (?:it|that|this) (?:\w+ )?(?:great|nice|funny|lovely|awful|amazing)
        (?:do you have )?(?:any|more|further)? ?questions
        (?:does (?:that|this|it) )?makes? sense
        got it|get it|ok|okay|right|really|seriously|no|yes|deal|agreed|what|huh|eh|see
        (?:na|und|hallo)?,? ?wie geht(?:'?s| es)?(?: (?:dir|ihnen|euch|denn|so|heute|und|der|familie))*
        alles (?:gut|klar|ok|okay|fit|in ordnung)(?: bei \w+)?
        (?:comment )?[cç]a va(?: bien)?|comment (?:vas[- ]tu|allez[- ]vous|tu vas)(?: bien)?|(?:tout va|tu vas|vous allez) bien
        (?:qu[eé] tal|c[oó]mo (?:est[aá]s?|est[aá]n|va|vas|te va|le va)|todo bien)(?: \w+){{0,3}}
        come (?:stai|sta|state|va)|tutto bene
        tudo (?:bem|bom)(?: contigo| com voc[eê])?|como (?:vai|est[aá]s?|v[aã]o)(?: \w+){{0,2}}
        hoe (?:gaat het|is het)(?: \w+){{0,3}}|alles goed
        (?:hvordan|hur) (?:g[aå]r det|har du det|m[aå]r du|er det|[aä]r l[aä]get)(?: \w+){{0,3}}
        jak (?:si[eę] masz|leci|tam|si[eę] m[aá][sš])|co s[lł]ycha[cć]
        как (?:дела|вы|ты|поживае(?:те|шь)|жизнь|твои дела|ваши дела)|що нового|як (?:справи|ти|ви)
        (?:いつも)?お世話になっております|(?:どうぞ)?よろしくお願い(?:いたします|します|申し上げます)|お元気(?:ですか|でしょうか)?|いかがお過ごしでしょうか|你好吗|您好吗|最近(?:怎么样|好吗|還好嗎|如何)
        잘 지내(?:세요|시나요|니|시죠)|nas[iı]ls[iı]n(?:[iı]z)?|ne haber
        """
    )
    + "$",
    re.IGNORECASE,
)

_WANTED = _word_of(
    r"""send share confirm review sign return check let\ (?:me|us)\ know tell give provide forward bring reply respond answer get\ back pick
    choose decide fill complete upload approve pay call ring ask look have\ a\ look take\ a\ look add update prepare advise suggest propose
    comment    make\ sure introduce remind book order read vote register""".replace("\\ ", "_")
).replace("_", " ")
WANT = re.compile(
    _one_of(
        rf"""
        \b(?:please|pls|kindly) (?:also |just |do |quickly )?{_WANTED}\b
        \b(?:could|can|would|will) you (?:please |also |kindly )?{_WANTED}\b
        ^(?:so |and |just |do )?let (?:me|us) know (?:what|which|whether|when|where|who|how|by)\b
        ^(?:so |and |just |do )?let (?:me|us) know if (?:you|that|this|it|we|i|the|\w+day)\b
        \b(?:i|we)(?:(?:'m| am|'re| are)? (?:still )?(?:waiting (?:for|on)|missing)|(?: still| really)? need) (?:your|you to)\b
        \bbitte (?:schick|send|gib|sag|bestätig|prüf|unterschreib|melde|ruf|bring|denk)
        \b(?:schick|gib|sag) (?:mir|uns) (?:doch )?bitte
        \bmerci de (?:me|nous|bien vouloir|confirmer|renvoyer|signer|valider)\b
        \bpor favor,? (?:env[ií]a|manda|conf[ií]rma|firma|rev[ií]sa)
        """
    ),
    re.IGNORECASE,
)
NO_WANT = re.compile(
    _one_of(
        r"""
        \b(?:please|kindly) (?:find|note|see|be|accept|feel|don't|do not|excuse|forgive|ignore|disregard|enjoy|visit|click)\b
        \bif (?:you|there)(?:'?(?:ve|d|re|s)| have| need| are| is| would like| want)? (?:got )?(?:any|anything|something|further|more|some)
        \bif you (?:want|need|like|prefer)\b
        \bif (?:i|we) can (?:help|be of)|\bif anything\b|\bnext time\b
        \bunsubscribe\b|\bhesitate\b|\bno (?:rush|need)\b
        """
    ),
    re.IGNORECASE,
)
"""What is written like a want and is none."""

ADDRESSED = re.compile(
    r"([^\W\d_]{2,20}), (?:and |please )?"
    + _word_of(
        """do did does can could will would have has had are is was were any what when where which who why how should shall may
        please"""
    )
    + r"\b",
)
"""A sentence that may begin with the name of whom it is meant for."""
NO_NAMES = frozenset(
    """actually additionally again alright also alternatively and anyhow anyway basically besides but cool finally fine first frankly fyi
    generally good great hello here hey hi hm hmm honestly however incidentally instead last lastly later maybe meanwhile next no nope now
    obviously oh ok okay once otherwise perfect perhaps personally plus ps question right second secondly seriously similarly since so sorry
    still sure thanks then third today tomorrow tonight true well yeah yep yes yesterday
    alle all both colleagues dr equipo everybody everyone folks freunde friends gentlemen group guys kollegen kolleginnen ladies leute list
    madam mr mrs ms sir team there todas todos tous toutes tutti zusammen équipe""".split()  # noqa: SIM905
)
"""Words that are no names where names may stand, though they may begin with a capital."""

_DONE_LATER = _one_of(
    r"""
    send|share|forward|prepare|draft|write|check|look (?:into|at|up)|find|ask|introduce|connect|book|call|ring|ping
    pass|e?-?mail|text|give|bring|let (?:you|him|her|them) know|get (?:back|you|it|that|this|them)|come back|follow up
    reach out|circle back|take care
    make (?:sure|an? intro)|have (?:it|that|this|them|the \w+|a look)\b|do (?:it|that|this|so)
    put (?:you|it|that|together)|(?:speak|talk) to
    review|read|update|confirm|schedule|set up|arrange|finish|return|upload|post|order|pay
    transfer|sort|drop|deliver|print|translate|fix|handle
    """
)
PROMISE = re.compile(
    _one_of(
        rf"""
        \b(?:i|we)(?:'ll| will| shall|(?: am|'m| are|'re) going to) (?:(?:\w+ly|also|then|just|still|now|soon) )?{_DONE_LATER}\b
        ^(?:(?:yes|ok|okay|sure|great|thanks|and|so),? )?(?:will |let me )(?:also |just )?{_DONE_LATER}\b
        \bi promised? (?:to|you)\b|\bi (?:still )?owe you\b
        \b(?:ich|wir) (?:schicken?|senden?|leite|maile|melde mich|melden uns|kümmere mich|kläre|prüfe|bringe|besorge|frage)\b
        \bje (?:vous |te |t'|lui |leur )?(?:l'|le |la |les )?(?:enverrai|transmettrai|rappellerai|confirmerai|dirai|ferai|tiendrai)\b
        \b(?:te|le|les|os|se|lo|la) (?:enviaré|mandaré|confirmaré|diré|llamaré|avisaré|traeré)\b
        \b(?:ti|le|vi|glielo|te lo) (?:invierò|manderò|farò sapere|confermerò|porterò)\b
        \b(?:enviarei|mandarei|vou (?:te |lhe )?(?:enviar|mandar|confirmar|avisar))\b
        """
    ),
    re.IGNORECASE,
)
NO_PROMISE = re.compile(
    _one_of(
        r"""
        \b(?:if|unless|otherwise|would|could|might|maybe|perhaps|instead of|never|wenn|falls|sofern|vielleicht|nicht|si|ne)\b
        \bse (?:vuoi|vuole|serve|quiser)\b|\b(?:not|no)(?! later)\b|n't\b
        \b(?:attached|attaching|herewith|hereby|enclosed|as promised|anbei|hiermit|im anhang|wie versprochen)\b
        \b(?:ci-joint|adjunto|allegato|em anexo)\b
        """
    ),
    re.IGNORECASE,
)
"""Conditions, negations, and what comes with the very mail: no promise is left open by it."""

DELIVERY = re.compile(
    _one_of(
        r"""
        \b(?:attached|attaching|attachment|enclosed|herewith|as promised|just sent|have sent|sent you)\b
        \bhere (?:is|are|you go|comes?)\b|\bhere's\b
        \b(?:anbei|hiermit|im anhang|wie versprochen|ci-joint|voici|adjunto|aquí (?:está|tienes)|allegato|ecco|em anexo|segue)\b
        """
    ),
    re.IGNORECASE,
)
"""Who brings something."""
RECEIPT = re.compile(
    _one_of(
        r"""
        \b(?:got it|received|(?:it|that) (?:has )?arrived)\b
        \bthank(?:s| you) (?:so much |a lot |very much )?for (?:the|sending|your|sharing|letting)\b
        \b(?:danke für|merci pour|bien reçu|gracias por|recibido|grazie per|ricevuto|obrigad[oa] pel)
        """
    ),
    re.IGNORECASE,
)
"""Who has got something."""

EVERYDAY_WORDS = frozenset(
    """about after again also back been before best cheers could dear even every from give going good great have hear hello here hope into
    just keep kind know last later like look make many monday more much must need next only other over please really regards same send sent
    share should since some soon still sure take than thank thanks that their them then there these they thing think this thursday time
    today tomorrow tuesday wednesday friday week weeks well were what when where which will with work would write your yours""".split()  # noqa: SIM905
)
"""Words of four letters and more that say nothing about what a letter is about."""
