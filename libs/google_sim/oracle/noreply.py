"""The local parts of docs/rules.md that say that nobody reads the answers, in its own words: which senders are no people."""

import unicodedata

_SEPARATORS = str.maketrans("", "", "._-")
_PHRASES = """
alavastaa alkaavastatko antwoordniet antwortenicht aravastage aravastake balshinjeonyong balsinjeonyong beatsakymo besvarikke
bezodgovora bezodpovedi bezodpowiedzi bezotveta brezodgovora bukehuifu buyaohuifu cannotreply cevaplamayin cevaplamayiniz
cevapvermeyin cevapvermeyiniz donotanswer donotreply donotrespond dontreply dontrespond dungtraloi eivastata eivastausta ejsvar ekkisvara
fararaspuns geenantwoord geenreactie henshinfuka henshinfuyo henshinfuyou hensinfuka hensinfuyou ikkebesvar ikkebesvare
ikkebesvares ikkesvar ikkesvare ingensvar ingetsvar intesvara intetsvar janganbalas jangandibalas janganmembalas keineantwort
keineantworten khongphanhoi khongtraloi mhnapantate mhnapanthsete minapantate minapantisete mittevastata naoresponda naorespondas
naoresponde naoresponder neatbildet neatbildi neatbildiet neatsakinekite neatsakyk neatsakykite neatsakyti nemojteodgovarati
neodepisovat neodepisujte neodgovaraj neodgovarajte neodgovarati neodgovarjaj neodgovarjajte neodgovarjati neodpisovat neodpisujte
neodpovedaj neodpovedajte neodpovedat neodpovidat neodpovidej neodpovidejte neotgovarjajte neotgovaryai neotgovaryaite
neotgovaryaj neotgovaryay neotgovaryayte neotvechai neotvechaite neotvechaj neotvechajte neotvechat neotvechay neotvechayte
neparepondre nepasrepondre nerepondezpas nerepondrepas nevalaszolj nevalaszoljanak nevalaszoljon nevidpovidai nevidpovidaite
nevidpovidaj nevidpovidajte nevidpovidaty nevidpoviday nevidpovidayte nichtantwort nichtantworten nichtbeantworten nieodpisuj
nieodpisywac nieodpowiadac nieodpowiadaj nietantwoorden nietbeantwoorden nietreageren noanswer nocontestar noconteste nocontestes
nocontesteu nonreply nonrisponda nonrispondere nonrispondete nonrispondi noreplies noreply noresponda
norespondan norespondas noresponde noresponder norespondre norespongueu norespongui noresponse norespuesta norisposta nuraspunde
nuraspundeti pasdereponse qingwuhuifu sansreponse semresposta sendonly senzarisposta sinrespuesta soshinsenyo soshinsenyou
soushinsenyo soushinsenyou sousinsenyou svaraej svaraekki svaraicke svarainte svaridekki svarikke tanpabalasan tidakdibalas
tidakuntukdibalas yanitlamayin yanitlamayiniz yanitvermeyin yanitvermeyiniz
cevaplamayın cevaplamayınız yanıtlamayın yanıtlamayınız yanıtvermeyin yanıtvermeyiniz đungtraloi μηναπαντατε μηναπαντησετε
безответа невідповідай невідповідайте невідповідати неодговарај неодговарајте неотвечай неотвечайте неотвечать неотговаряй
неотговаряйте איןלהשיב אלתשיבו נאלאלהשיב عدمالرد لاترد لاتردوا پاسخندهيد پاسخندهید उत्तरनदें जवाबनदें ห้ามตอบกลับ อย่าตอบกลับ
ไม่ต้องตอบกลับ 不要回复 不要回覆 請勿回復 請勿回覆 请勿回复 请勿回覆 返信不可 返信不要 送信専用 답장금지 발신전용 회신금지 회신불가
"""


def bare(local: str) -> str:
    """A local part as the phrases are compared: small letters, no tag, no separators, no accents."""
    untagged = local.split("+", 1)[0].lower().translate(_SEPARATORS)
    return "".join(c for c in unicodedata.normalize("NFKD", untagged) if unicodedata.category(c)[0] != "M")


_KNOWN = frozenset(map(bare, _PHRASES.split()))
_LENGTHS = sorted({len(phrase) for phrase in _KNOWN})


def nobody_reads(local: str) -> bool:
    """Whether a local part begins or ends with one of the phrases."""
    plain = bare(local)
    return any(plain[:length] in _KNOWN or plain[-length:] in _KNOWN for length in _LENGTHS)
