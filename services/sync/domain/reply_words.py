"""The words by which mail programs introduce quoted mail and sign off, language by language. Data only; quotes.py reads it.

Collected from what Gmail, Outlook, Apple Mail and Thunderbird write. Alternatives are separated by `|`.

lead    opens an introduction: "On Tue, Jan 3, 2023 …". Written as it is there: an "on" in the middle of a sentence opens none.
days    names of weekdays that stand before the day of the month.
wrote   the verb before the colon: "… Jane Doe <jane@x.org> wrote:".
wrote_by the verb before the person: "… schrieb Jane Doe <jane@x.org>:".
message_of, dated  what stands before the person and before the date: "Missatge de Jane Doe <jane@x.org> del dia dt., 3 de gen. …:".
sender, sent  the first labels of a header block: "From: … Sent: …".
marker  what stands between dashes above quoted or forwarded mail: "-----Original Message-----".
device  a signature that a device or program adds, as regular expression; `@` stands for its name with
        what is said of it, `#` for the name alone.
"""

from typing import NamedTuple


class ReplyWords(NamedTuple):
    lead: str = ""
    days: str = ""
    wrote: str = ""
    wrote_by: str = ""
    message_of: str = ""
    dated: str = ""
    sender: str = ""
    sent: str = ""
    marker: str = ""
    device: str = ""


REPLY_WORDS: dict[str, ReplyWords] = {
    "en": ReplyWords(
        lead="On|At",
        days="Mon|Tue|Wed|Thu|Fri|Sat|Sun|Tues|Thur|Thurs|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
        wrote="wrote|writes|said",
        sender="From",
        sent="Sent|Date",
        marker="Original Message|Original Appointment|Original message|Original Email|Reply message|Forwarded message|Forwarded Message",
        device="Sent (?:from|via|with|using) (?:my )?@|Get Outlook for @",
    ),
    "de": ReplyWords(
        lead="Am",
        days="Mo|Di|Mi|Do|Fr|Sa|So|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonnabend|Sonntag",
        wrote="Folgendes geschrieben|folgendes geschrieben|geschrieben",
        wrote_by="schrieb",
        sender="Von",
        sent="Gesendet|Datum",
        marker="Ursprüngliche Nachricht|Originalnachricht|Original-Nachricht|Weitergeleitete Nachricht|Ursprüngliche Mail",
        device="Von meine[mr] @ (?:aus )?gesendet|Gesendet (?:von|mit|über) (?:meine[mr] )?@|Outlook für @ (?:beziehen|herunterladen)|"
        "Holen Sie sich Outlook für @",
    ),
    "fr": ReplyWords(
        lead="Le",
        days="lun|mar|mer|jeu|ven|sam|dim|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche",
        wrote="a écrit|écrit",
        sender="De",
        sent="Envoyé|Envoyé le|Date",
        marker="Message d'origine|Message d’origine|Message original|Message transféré|Message transmis",
        device="Envoyé (?:de|depuis|à partir de|avec) (?:mon |ma )?@|(?:Télécharger|Obtenez|Obtenir) Outlook pour @",
    ),
    "es": ReplyWords(
        lead="El",
        days="lun|mar|mié|jue|vie|sáb|dom|lunes|martes|miércoles|jueves|viernes|sábado|domingo",
        wrote="escribió|escribio",
        sender="De",
        sent="Enviado|Enviado el|Fecha",
        marker="Mensaje original|Mensaje reenviado|Forwarded message",
        device="Enviado desde (?:mi )?@|Obtener Outlook para @",
    ),
    "pt": ReplyWords(
        lead="Em|No dia|A",
        days="seg|ter|qua|qui|sex|sáb|dom|segunda|terça|quarta|quinta|sexta|sábado|domingo|segunda-feira|terça-feira|quarta-feira|"
        "quinta-feira|sexta-feira",
        wrote="escreveu",
        sender="De",
        sent="Enviado|Enviada|Enviado em|Enviada em|Data",
        marker="Mensagem original|Mensagem encaminhada|Mensagem Original",
        device="Enviado (?:do|da|de|via|a partir do) (?:meu |minha )?@|Obter o Outlook para @",
    ),
    "it": ReplyWords(
        lead="Il|Il giorno|In data",
        days="lun|mar|mer|gio|ven|sab|dom|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica",
        wrote="ha scritto|scrive",
        sender="Da",
        sent="Inviato|Data",
        marker="Messaggio originale|Messaggio inoltrato|Messaggio Originale",
        device="Inviato (?:da|dal|con) (?:mio )?@|(?:Scarica|Ottieni) Outlook per @",
    ),
    "nl": ReplyWords(
        lead="Op",
        days="ma|di|wo|do|vr|za|zo|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag",
        wrote="schreef|het volgende geschreven|geschreven",
        wrote_by="schreef",
        sender="Van",
        sent="Verzonden|Datum|Verstuurd",
        marker="Oorspronkelijk bericht|Origineel bericht|Doorgestuurd bericht|Oorspronkelijk e-mailbericht",
        device="(?:Verstuurd|Verzonden) (?:vanaf|via|met|van) (?:mijn )?@|Outlook voor @ (?:downloaden|ophalen)|Download Outlook voor @",
    ),
    "sv": ReplyWords(
        lead="Den",
        days="mån|tis|ons|tors|fre|lör|sön|måndag|tisdag|onsdag|torsdag|fredag|lördag|söndag",
        wrote="skrev",
        wrote_by="skrev",
        sender="Från",
        sent="Skickat|Datum",
        marker="Ursprungligt meddelande|Ursprungligt Meddelande|Originalmeddelande|Vidarebefordrat meddelande|Vidarebefordrat mejl",
        device="Skickat från (?:min |mitt )?@|Hämta Outlook för @",
    ),
    "no": ReplyWords(
        lead="Den|På",
        days="man|tir|ons|tor|fre|lør|søn|mandag|tirsdag|onsdag|torsdag|fredag|lørdag|søndag",
        wrote_by="skrev",
        sender="Fra",
        sent="Sendt|Dato",
        marker="Opprinnelig melding|Videresendt melding|Original melding",
        device="Sendt fra (?:min |mitt )?@|(?:Få|Skaff deg|Hent) Outlook for @",
    ),
    "da": ReplyWords(
        days="man|tirs|ons|tors|fre|lør|søn",
        marker="Oprindelig meddelelse|Original meddelelse|Videresendt meddelelse|Oprindelig besked",
        device="(?:Få|Hent) Outlook til @",
    ),
    "fi": ReplyWords(
        days="ma|ti|ke|to|pe|la|su|maanantai|tiistai|keskiviikko|torstai|perjantai|lauantai|sunnuntai",
        wrote="kirjoitti",
        sender="Lähettäjä",
        sent="Lähetetty|Päivämäärä|Pvm",
        marker="Alkuperäinen viesti|Välitetty viesti|Edelleenlähetetty viesti",
        device="Lähetetty @|Hanki Outlook @",
    ),
    "pl": ReplyWords(
        lead="W dniu|Dnia|Dn",
        days="pon|wt|śr|czw|pt|sob|niedz|nd|poniedziałek|wtorek|środa|czwartek|piątek|sobota|niedziela",
        wrote="napisał(a)|napisał|napisała|pisze",
        sender="Od",
        sent="Wysłano|Wysłane|Data",
        marker="Wiadomość oryginalna|Oryginalna wiadomość|Treść oryginalnej wiadomości|Wiadomość przekazana dalej|Przekazana wiadomość",
        device="Wysłan[eoy] (?:z|za pomocą|przy użyciu) (?:mojego |mojej )?@|Pobierz (?:aplikację )?Outlook (?:dla|na) @",
    ),
    "cs": ReplyWords(
        lead="Dne",
        days="po|út|st|čt|pá|so|ne|pondělí|úterý|středa|čtvrtek|pátek|sobota|neděle|ut|št|pi",
        wrote="napsal(a)|napsal|napsala|píše|napísal(a)|napísal|napísala",
        sender="Od",
        sent="Odesláno|Datum|Odoslané|Dátum",
        marker="Původní zpráva|Přeposlaná zpráva|Pôvodná správa|Preposlaná správa|Původní e-mail",
        device="Odesláno z (?:mého |mé )?@|Odoslané z (?:môjho )?@|Získat Outlook pro @",
    ),
    "ru": ReplyWords(
        days="пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье",
        wrote="написал(а)|написал|написала|пишет|писал|писал(а)",
        sender="От|От кого",
        sent="Отправлено|Дата|Отправлен",
        marker="Исходное сообщение|Пересылаемое сообщение|Пересланное сообщение|Пересылаемое письмо|Исходное письмо|Original Message",
        device="Отправлено (?:с|из|от) (?:моего |мобильной )?@|Отправлено с @",
    ),
    "uk": ReplyWords(
        days="нд|неділя|понеділок|вівторок|середа|четвер|пʼятниця|п'ятниця|субота",
        wrote="пише|написав(-ла)|написав(ла)|написав|написала",
        sender="Від|Від кого",
        sent="Надіслано|Відправлено|Дата",
        marker="Вихідне повідомлення|Оригінальне повідомлення|Переслане повідомлення|Початкове повідомлення",
        device="Надіслано (?:з|із|від) (?:мого )?@|Відправлено (?:з|із) (?:мого )?@",
    ),
    "bg": ReplyWords(
        lead="На",
        days="пон|вто|сря|чет|пет|съб|нед",
        wrote="написа",
        sender="От",
        sent="Изпратено|Дата",
        marker="Оригинално съобщение|Препратено съобщение",
        device="Изпратено от (?:моя )?@",
    ),
    "tr": ReplyWords(
        days="Pzt|Sal|Çar|Per|Cum|Cmt|Paz|Pazartesi|Salı|Çarşamba|Perşembe|Cuma|Cumartesi|Pazar",
        wrote="şunu yazdı|şunları yazdı|yazdı|yazmış",
        sender="Kimden|Gönderen",
        sent="Gönderildi|Gönderme Tarihi|Gönderilme|Gönderim Tarihi|Tarih",
        marker="Orijinal Mesaj|Özgün İleti|Orijinal ileti|İletilen ileti|Yönlendirilmiş ileti",
        device="#(?:'|’)?(?:umdan|ımdan|imdan|dan|den|tan|ten) gönderildi|# için Outlook(?:'|’)u edinin",
    ),
    "hu": ReplyWords(
        days="H|K|Sze|Cs|P|Szo|V",
        wrote="ezt írta|írta|a következőt írta",
        sender="Feladó",
        sent="Elküldve|Küldve|Dátum",
        marker="Eredeti üzenet|Továbbított üzenet|Eredeti levél",
        device="(?:Az )?#(?:-?(?:ról|ről|omról|emről|ómról|mről|mról)) küldve|Elküldve (?:a |az )?@",
    ),
    "el": ReplyWords(
        lead="Στις|Την",
        days="Δευ|Τρί|Τετ|Πέμ|Παρ|Σάβ|Κυρ|Δευτέρα|Τρίτη|Τετάρτη|Πέμπτη|Παρασκευή|Σάββατο|Κυριακή",
        wrote="έγραψε|έγραψαν",
        sender="Από",
        sent="Στάλθηκε|Αποστολή|Εστάλη|Ημερομηνία",
        marker="Αρχικό μήνυμα|Προωθημένο μήνυμα|Αρχικό Μήνυμα",
        device="(?:Στάλθηκε|Εστάλη) από (?:το |την )?@",
    ),
    "ro": ReplyWords(
        lead="În|Pe|In",
        days="lun|mar|mie|joi|vin|sâm|dum|luni|marți|miercuri|vineri|sâmbătă|duminică",
        wrote="a scris",
        sender="De la",
        sent="Trimis|Data|Trimisă",
        marker="Mesaj original|Mesajul original|Mesaj redirecționat|Mesaj trimis",
        device="Trimis (?:de pe|din|cu) @",
    ),
    "ca": ReplyWords(
        lead="El dia",
        days="dl|dt|dc|dj|dv|ds|dg|dilluns|dimarts|dimecres|dijous|divendres|dissabte|diumenge",
        wrote="va escriure|ha escrit",
        message_of="Missatge de",
        dated="del dia",
        sender="De",
        sent="Enviat|Enviat el|Data",
        marker="Missatge original|Missatge reenviat",
    ),
    "is": ReplyWords(
        lead="Þann|Hinn",
        days="mán|þri|mið|fim|fös|lau|sun|mánudagur|þriðjudagur|miðvikudagur|fimmtudagur|föstudagur|laugardagur|sunnudagur|"
        "mánudaginn|þriðjudaginn|miðvikudaginn|fimmtudaginn|föstudaginn|laugardaginn|sunnudaginn",
        wrote="skrifaði",
        wrote_by="skrifaði",
        sender="Frá",
        sent="Sent|Dagsetning",
        marker="Upprunaleg skilaboð|Upphafleg skilaboð|Áframsend skilaboð",
    ),
    "hr": ReplyWords(
        lead="Dana",
        days="pon|uto|sri|čet|pet|sub|ned|pon|tor|sre|čet|pet|sob",
        wrote="napisao je|napisala je|je napisao|je napisala|je napisao/la|je napisal|napisal/-a|napisao|"
        "је написао/ла|је написао|је написала",
        sender="Od|Šalje",
        sent="Poslano|Datum|Poslato",
        marker="Izvorna poruka|Originalna poruka|Proslijeđena poruka|Prosleđena poruka",
        device="Poslano s (?:mog )?@",
    ),
    "et": ReplyWords(
        lead="Kuupäev",
        days="E|T|K|N|R|L|P",
        wrote_by="kirjutas",
        sender="Saatja",
        sent="Saadetud|Kuupäev",
        marker="Algne kiri|Algne sõnum|Edastatud kiri|Edastatud sõnum",
    ),
    "lt": ReplyWords(
        days="pr|an|tr|kt|pn|št|sk", wrote="rašė", sender="Nuo", sent="Išsiųsta", marker="Pradinis pranešimas"
    ),
    "lv": ReplyWords(
        days="pirmd|otrd|trešd|ceturtd|piektd|sestd|svētd",
        wrote="rakstīja",
        sender="No",
        sent="Nosūtīts",
        marker="Sākotnējais ziņojums|Oriģinālais ziņojums|Pārsūtītais ziņojums|Pārsūtītā vēstule",
    ),
    "vi": ReplyWords(
        lead="Vào",
        days="Th",
        wrote="đã viết",
        sender="Từ",
        sent="Đã gửi|Ngày",
        marker="Thư gốc|Forwarded message",
        device="Đã gửi từ @",
    ),
    "id": ReplyWords(
        lead="Pada|Pada tanggal",
        days="Sen|Sel|Rab|Kam|Jum|Sab|Min|Senin|Selasa|Rabu|Kamis|Jumat|Sabtu|Minggu",
        wrote="menulis",
        sender="Dari",
        sent="Dikirim|Tanggal",
        marker="Pesan asli",
        device="Dikirim dari @",
    ),
    "ja": ReplyWords(
        wrote="のメール|書きました|が書きました|さんは書きました|のメッセージ|wrote",
        sender="差出人|送信者",
        sent="送信日時|日時|日付|送信済み",
        marker="元のメッセージ|転送されたメッセージ|転送メッセージ|Original Message",
        device="# ?から送信",
    ),
    "zh": ReplyWords(
        lead="于|於|在",
        days="周一|周二|周三|周四|周五|周六|周日|週一|週二|週三|週四|週五|週六|週日|星期一|星期二|星期三|星期四|星期五|星期六|星期日",
        wrote="写道|寫道|写到",
        sender="发件人|寄件者|寄件人",
        sent="发送时间|发件时间|日期|寄件日期|傳送時間|已傳送",
        marker="原始邮件|邮件原件|原始郵件|转发的邮件|轉寄郵件|原邮件|Forwarded message",
        device="发自我的 ?@|发送自 ?@|从我的 ?@ ?发送|從我的 ?@ ?傳送|寄自我的 ?@|发自 ?@",
    ),
    "ko": ReplyWords(
        wrote="작성|쓴 글|썼습니다|님이 작성",
        sender="보낸 사람|보낸사람|발신",
        sent="보낸 날짜|날짜|보냄|보낸날짜",
        marker="원본 메일|원본 메시지|전달된 메일|원본메일|Original Message",
        device="(?:나의 |내 )?# ?에서 보냄",
    ),
    "ar": ReplyWords(
        lead="في|بتاريخ",
        days="الأحد|الاثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|أحد|اثنين|ثلاثاء|أربعاء|خميس|جمعة|سبت",
        wrote="كتب|كتبت|كتب/كتبت",
        wrote_by="تمت كتابة ما يلي بواسطة|كتب|كتبت|كتب/كتبت",
        sender="من",
        sent="تاريخ الإرسال|التاريخ|تم الإرسال|أُرسلت",
        marker="الرسالة الأصلية|رسالة أصلية|رسالة مُعاد توجيهها",
        device="(?:أُرسلت|مُرسل|مرسل|تم الإرسال) من (?:الـ ?|ال)?@",
    ),
    "fa": ReplyWords(
        lead="در تاریخ|در",
        wrote="نوشت",
        sender="از",
        sent="تاریخ|ارسال شده",
        marker="پیام اصلی|پیام هدایت شده|پیام ارجاع شده",
    ),
    "he": ReplyWords(
        lead="בתאריך|ב",
        days="יום|א׳|ב׳|ג׳|ד׳|ה׳|ו׳|שבת|א'|ב'|ג'|ד'|ה'|ו'|ראשון|שני|שלישי|רביעי|חמישי|שישי",
        wrote="כתב|כתבה|כתב/ה|כתב‎/ה",
        wrote_by="מאת|כתב|כתבה",
        sender="מאת",
        sent="נשלח|תאריך",
        marker="הודעה מקורית|הודעה שהועברה",
        device="נשלח מ(?:ה-?)?-?@",
    ),
    "th": ReplyWords(
        lead="ในวันที่|เมื่อ",
        days="จ|อ|พ|พฤ|ศ|ส|อา",
        wrote="เขียนว่า",
        sender="จาก",
        sent="ส่ง|วันที่",
        marker="ข้อความต้นฉบับ|ข้อความเดิม|ข้อความที่ส่งต่อ",
    ),
    "hi": ReplyWords(
        days="सोम|मंगल|बुध|गुरु|शुक्र|शनि|रवि|सोमवार|मंगलवार|बुधवार|गुरुवार|शुक्रवार|शनिवार|रविवार",
        wrote="ने लिखा",
        sender="प्रेषक",
        sent="भेजा गया|दिनांक",
        marker="मूल संदेश|अग्रेषित संदेश",
    ),
}

# What a signature of a device may name.
DEVICES = (
    "iPhone", "iPhon", "iPad", "iPod", "iOS", "Apple", "Android", "Samsung", "Galaxy", "Outlook", "Gmail", "Mail", "BlackBerry", "Windows",
    "Yahoo", "Proton", "ProtonMail", "Huawei", "HUAWEI", "Xiaomi", "Redmi", "Nokia", "HTC", "LG", "Sony", "Xperia", "OnePlus", "Pixel",
    "Motorola", "Honor", "OPPO", "Thunderbird", "Spark", "Superhuman", "Smartphone", "smartphone", "mobile", "Mobile",
    "phone", "Handy", "Handgerät", "téléphone", "móvil", "celular", "telemóvel", "telefoon", "telefon", "Mac", "GMX", "K-9",
    "Почты", "телефона", "手机", "手機", "Mail.ru",
)  # fmt: skip
