"""Words in column names that tell which time, amount or state they hold, in ten languages."""

from custseg_spark.core.mappings.column_words import word_set

# Times of something other than the event.
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
# Times at which an event was recorded, sent or stored: shortly after the event.
RECORDINGS = word_set(
    "received receive load loaded etl ingested ingest imported import export exported server"
    " upload uploaded processed client sync dvce device sent collector epoch"
)
# Amounts other than the line's price, quantity or discount.
OTHER_AMOUNTS = word_set(
    "cost costs tax taxes vat shipping freight fee fees tip profit margin compare old regular"
    " list msrp max min avg average mean budget balance income salary limit deposit gift"
    " duties rate refunded outstanding cogs wholesale einkaufspreis ek steuer"
    " mwst ust versandkosten gewinn tva taxe frais port benefice iva impuesto envio ganancia"
    " imposto frete lucro imposta spedizione profitto podatek zysk koszt btw verzendkosten winst"
    " kosten налог ндс прибыль себестоимость 成本 利润 税 运费 原価 利益 税額 送料 消費税"
)
# Columns of states are neither types nor ids.
STATES = word_set(
    "status state statut estado stato zustand stan статус состояние 状态 ステータス 状況"
)
# Beside an id's noun: another property of the same thing.
OTHER_THINGS = word_set(
    "name names email mail e phone address title description desc url gender age city zip postal"
    " country region segment type group level class size color colour weight length width height"
    " dow hour rank position index count total price amount value date time status reason method"
    " image link slug seq sequence line row index lat lon latitude longitude currency language"
    " birth lifetime score tier first last since bezeichnung beschreibung nom libelle"
    " nombre descripcion nome descricao descrizione nazwa opis naam omschrijving название"
    " наименование имя 名称 姓名 名前 氏名 商品名 品名"
)
# Names of the event's time, as opposed to the record's.
OF_THE_EVENT = word_set(
    "event order purchase purchased invoice transaction trans txn trx sale sales visit hit click"
    " derived bestelldatum belegdatum rechnungsdatum kaufdatum commande achat vente compra pedido"
    " venta venda acquisto ordine vendita zamowienia sprzedazy zakupu besteldatum aankoopdatum"
    " заказа покупки продажи чека 下单时间 下单 订单日期 订单时间 购买时间 交易时间 注文日"
    " 注文日時 購入日"
)
# Names that say that a price is per piece.
UNIT_WORDS = word_set(
    "unit unitaire unitario unitaria einzelpreis stuckpreis pu each jednostkowa jedn stukprijs"
    " eenheidsprijs единицу ep unidad 单价 単価"
)
# Nouns that add nothing to the name of an amount or property.
OF_WHAT = word_set(
    "item items product products lineitem article sku goods produkt produit articulo producto"
    " produto prodotto articolo produktu towaru artikel товара 商品 产品 製品"
)
OF_A_SALE = word_set("trx order ordered orders purchase purchased sold transaction sales sale")
# Nouns that aren't ids unless a word for id follows.
NOT_BARE = word_set("loyalty stock purchase sale checkout trans basket visit besuch card ord inv")
# Beside an e-mail address or phone number: it identifies a customer.
OF_A_CUSTOMER = word_set(
    "customer customers client buyer shopper user member billing contact kunde kunden cliente"
    " klant klient"
)
# A price with or without taxes, and in any currency, is still a price.
TAXED = word_set(
    "incl excl inc exc ex included excluded including excluding without with inkl exkl"
)
TAXES = word_set("tax taxes vat mwst ust iva tva btw")
CURRENCIES = word_set(
    "eur usd gbp chf pln brl rub jpy cny sek nok dkk inr euro euros dollar dollars"
)
# Product nouns that are ids by themselves; others may hold titles.
PRODUCT_CODES = word_set("sku asin upc ean gtin barcode plu артикул 款号 货号")
# Names that leave open whether an amount is per piece or per line.
VAGUE_AMOUNTS = word_set("amount amt value valor valeur valore monto payment")
