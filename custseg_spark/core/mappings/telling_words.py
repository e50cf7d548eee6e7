"""Words beside a noun that say which time, amount or state a column holds, in ten languages."""

from custseg_spark.core.mappings.column_words import word_set

# A time of something else than the event itself.
OTHER_TIMES = word_set(
    "ship shipped shipping shipment deliver delivery delivered due birth birthday dob born update"
    " updated modified modify paid payment approved approval fulfilled fulfillment cancelled"
    " canceled cancel expire expiry expires expiration valid signup registered registration"
    " register joined join limit estimated estimate closed close accepted completed finished"
    " returned return refunded refund launch"
    " launched last first previous prior next end ended start until from to touch install"
    " installed review answer promised required requested confirmed acquired membership warranty"
    " production manufacture best carrier user release"
    " versand versanddatum lieferung liefer lieferdatum geburts geburtsdatum geburtstag anderung"
    " geandert fallig falligkeit zahlung bezahlt livraison expedition naissance modification"
    " echeance paiement envio entrega nacimiento nascimento vencimiento vencimento pago"
    " pagamento spedizione consegna nascita scadenza wysylki dostawy urodzenia platnosci"
    " verzending verzenddatum levering leverdatum geboorte geboortedatum betaling"
    " доставки отгрузки рождения оплаты 发货 发货时间 付款 付款时间 支付时间 收货 出生 更新"
    " 更新时间 发货日期 付款日期 出荷 出荷日 配送 生年月日 誕生日 入金 発送 発送日 更新日"
)
# A time of when an event was recorded, sent or stored: near its own, and behind it.
RECORDINGS = word_set(
    "received receive load loaded etl ingested ingest imported import export exported server"
    " upload uploaded processed client sync dvce device sent collector epoch"
)
# They say that an amount is another one than that of the line.
OTHER_AMOUNTS = word_set(
    "cost costs tax taxes vat shipping freight fee fees tip profit margin compare old regular"
    " list msrp max min avg average mean budget balance income salary limit deposit gift"
    " duties rate refunded outstanding cogs wholesale einkaufspreis ek steuer"
    " mwst ust versandkosten gewinn tva taxe frais port benefice iva impuesto envio ganancia"
    " imposto frete lucro imposta spedizione profitto podatek zysk koszt btw verzendkosten winst"
    " kosten налог ндс прибыль себестоимость 成本 利润 税 运费 原価 利益 税額 送料 消費税"
)
# A column of this state is neither a type nor an id.
STATES = word_set(
    "status state statut estado stato zustand stan статус состояние 状态 ステータス 状況"
)
# Their presence beside an id's noun makes the column something else of that thing.
OTHER_THINGS = word_set(
    "name names email mail e phone address title description desc url gender age city zip postal"
    " country region segment type group level class size color colour weight length width height"
    " dow hour rank position index count total price amount value date time status reason method"
    " image link slug seq sequence line row index lat lon latitude longitude currency language"
    " birth lifetime score tier first last since bezeichnung beschreibung nom libelle"
    " nombre descripcion nome descricao descrizione nazwa opis naam omschrijving название"
    " наименование имя 名称 姓名 名前 氏名 商品名 品名"
)
# Names of the event's own time rather than of a record's.
OF_THE_EVENT = word_set(
    "event order purchase purchased invoice transaction trans txn trx sale sales visit hit click"
    " derived bestelldatum belegdatum rechnungsdatum kaufdatum commande achat vente compra pedido"
    " venta venda acquisto ordine vendita zamowienia sprzedazy zakupu besteldatum aankoopdatum"
    " заказа покупки продажи чека 下单时间 下单 订单日期 订单时间 购买时间 交易时间 注文日"
    " 注文日時 購入日"
)
# Names of a price that say themselves that it is of a piece.
UNIT_WORDS = word_set(
    "unit unitaire unitario unitaria einzelpreis stuckpreis pu each jednostkowa jedn stukprijs"
    " eenheidsprijs единицу ep unidad 单价 単価"
)
# What an amount or a property is of; its name says the same with these words and without.
OF_WHAT = word_set(
    "item items product products lineitem article sku goods produkt produit articulo producto"
    " produto prodotto articolo produktu towaru artikel товара 商品 产品 製品"
)
OF_A_SALE = word_set("trx order ordered orders purchase purchased sold transaction sales sale")
# Nouns that are of something else where no word for id follows.
NOT_BARE = word_set("loyalty stock purchase sale checkout trans basket visit besuch card ord inv")
# What an e-mail address or a phone is of, where it stands for a customer.
OF_A_CUSTOMER = word_set(
    "customer customers client buyer shopper user member billing contact kunde kunden cliente"
    " klant klient"
)
# With or without taxes, and in which currency: a price all the same.
TAXED = word_set(
    "incl excl inc exc ex included excluded including excluding without with inkl exkl"
)
TAXES = word_set("tax taxes vat mwst ust iva tva btw")
CURRENCIES = word_set(
    "eur usd gbp chf pln brl rub jpy cny sek nok dkk inr euro euros dollar dollars"
)
# A noun of a product that is an id by itself; others may be followed by a title.
PRODUCT_CODES = word_set("sku asin upc ean gtin barcode plu артикул 款号 货号")
# Names that don't say whether they are of a piece or of the line.
VAGUE_AMOUNTS = word_set("amount amt value valor valeur valore monto payment")
