"""Local parts of addresses that nobody reads (`no-reply@…`), language by language. Data only; addresses.is_robot reads it.

As docs/rules.md has them, where they are the rule: without separators and accents, in whatever script and transcription senders use.
A phrase is here only if no name of a person begins or ends with it: "wuhuifu" would be one, and Wu Huifu another.
"""

NO_REPLY: dict[str, str] = {
    "en": "noreply noreplies nonreply donotreply dontreply cannotreply noresponse donotrespond dontrespond noanswer "
    "donotanswer sendonly",
    "de": "nichtantworten nichtantwort nichtbeantworten keineantwort keineantworten antwortenicht",
    "fr": "nepasrepondre nerepondezpas nerepondrepas sansreponse pasdereponse neparepondre",
    "es": "noresponder noresponda norespondas noresponde norespondan nocontestar noconteste nocontestes norespuesta sinrespuesta",
    "pt": "naoresponda naoresponder naorespondas naoresponde semresposta",
    "it": "nonrispondere nonrispondete nonrisponda nonrispondi senzarisposta norisposta",
    "nl": "nietantwoorden nietbeantwoorden nietreageren geenantwoord geenreactie antwoordniet",
    "sv": "svarainte svaraej svaraicke intesvara ejsvar ingetsvar",
    "no": "ikkesvar ikkesvare svarikke ikkebesvar ikkebesvares besvarikke ingensvar",
    "da": "intetsvar ikkebesvare",
    "fi": "alavastaa alkaavastatko eivastausta eivastata",
    "pl": "nieodpowiadaj nieodpowiadac nieodpisuj nieodpisywac bezodpowiedzi",
    "cs": "neodpovidat neodpovidej neodpovidejte neodepisovat neodepisujte neodpisujte neodpisovat neodpovedat neodpovedaj "
    "neodpovedajte bezodpovedi",
    "ru": "neotvechat neotvechai neotvechay neotvechaj neotvechaite neotvechayte neotvechajte bezotveta неотвечать неотвечай "
    "неотвечайте безответа",
    "uk": "nevidpovidaty nevidpovidai nevidpoviday nevidpovidaj nevidpovidaite nevidpovidayte nevidpovidajte невідповідати "
    "невідповідай невідповідайте",
    "bg": "neotgovaryai neotgovaryay neotgovaryaj neotgovaryaite neotgovaryayte neotgovarjajte неотговаряй неотговаряйте",
    "tr": "cevaplamayin cevaplamayiniz yanitlamayin yanitlamayiniz cevapvermeyin cevapvermeyiniz yanitvermeyin yanitvermeyiniz "
    "cevaplamayın cevaplamayınız yanıtlamayın yanıtlamayınız yanıtvermeyin yanıtvermeyiniz",
    "hu": "nevalaszolj nevalaszoljon nevalaszoljanak",
    "el": "minapantate minapantisete mhnapantate mhnapanthsete μηναπαντατε μηναπαντησετε",
    "ro": "nuraspunde nuraspundeti fararaspuns",
    "ca": "norespondre norespongueu norespongui nocontesteu",
    "is": "ekkisvara svaraekki svaridekki",
    "hr": "neodgovaraj neodgovarajte neodgovarati neodgovarjaj neodgovarjajte neodgovarjati nemojteodgovarati bezodgovora "
    "brezodgovora неодговарај неодговарајте",
    "et": "aravastake aravastage mittevastata",
    "lt": "neatsakyk neatsakykite neatsakyti neatsakinekite beatsakymo",
    "lv": "neatbildet neatbildi neatbildiet",
    "vi": "khongtraloi khongphanhoi dungtraloi đungtraloi",
    "id": "janganbalas jangandibalas janganmembalas tidakdibalas tidakuntukdibalas tanpabalasan",
    "ja": "soshinsenyo soshinsenyou soushinsenyo soushinsenyou sousinsenyou henshinfuka hensinfuka henshinfuyo henshinfuyou "
    "hensinfuyou 送信専用 返信不可 返信不要",
    "zh": "qingwuhuifu buyaohuifu bukehuifu 请勿回复 请勿回覆 請勿回覆 請勿回復 不要回复 不要回覆",
    "ko": "balsinjeonyong balshinjeonyong 발신전용 회신금지 회신불가 답장금지",
    "ar": "لاترد لاتردوا عدمالرد",
    "fa": "پاسخندهید پاسخندهيد",
    "he": "איןלהשיב נאלאלהשיב אלתשיבו",
    "th": "ห้ามตอบกลับ อย่าตอบกลับ ไม่ต้องตอบกลับ",
    "hi": "उत्तरनदें जवाबनदें",
}
