"""The words of columns' names in English and ten more languages, and in common tools' exports.

Words are written as `words` leaves them: small, without accents. A name counts as a whole: `order
item id` has the words of an order and of a product, and is neither's id.
"""

from collections.abc import Mapping


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(words.split())


# With a noun they make its id: customer + no, Kunden + nummer, 用户 + 编号.
ID_WORDS = word_set(
    "id ids no nr num number code key uid guid uuid pk sk hash ref reference nummer kennung"
    " schlussel numero numeros n codigo cod clave chave codice cle identifiant identificador"
    " identificativo identyfikator numer kod kodu numarasi номер код ид идентификатор"
    " 编号 号 号码 代码 编码 番号"
    " コード"
)
# Words that go with any noun and say nothing about it.
NEUTRAL = word_set(
    "the of a de du des del della dello di d la le el do da van der den af pseudo full v1 v2 v3"
    " master raw src source natural business external internal original my dim fact fk tbl t"
)
# By canonical column, the nouns of its ids, the clearest first.
NOUNS: Mapping[str, str] = {
    "customer_id": "customer customers cust client clients user users visitor visitors member"
    " members buyer buyers shopper household consumer consumers patron loyalty cardholder"
    " kund kunder musteri zakaznik 고객 회원"
    " kunde kunden kd besucher nutzer benutzer mitglied kaufer"
    " cliente clientes usuario usuarios comprador socio visitante visiteur acheteur utilisateur"
    " membre adherent assinante consumidor utente utenti acquirente visitatore"
    " klant klanten gebruiker bezoeker klient klienta klienci uzytkownik kupujacy"
    " клиент клиента покупатель покупателя пользователь пользователя посетитель"
    " 用户 客户 会员 顾客 买家 消费者 顧客 会員 ユーザー ユーザ 利用者 客",
    "product_id": "product products prod item items sku article articles stock asin"
    " goods merchandise"
    " variant upc ean gtin barcode plu"
    " produkt produkte artikel ware waren produit produits articulo articulos producto productos"
    " produto produtos artigo prodotto prodotti articolo articoli produktu towar towaru artikelen"
    " urun vara varor vare 상품 товар товара продукт артикул 商品 产品 货品 物品 宝贝 製品 品目",
    "order_id": "order orders invoice transaction transactions trans txn receipt basket bill"
    " ticket purchase sale checkout trx inv ord"
    " siparis fis ordre 주문 rechnung rechnungs bestellung bestell auftrag auftrags"
    " beleg bon kassenbon"
    " commande facture caisse pedido pedidos factura fatura nota recibo"
    " ordine ordini fattura scontrino zamowienie zamowienia paragon paragonu faktura faktury"
    " bestelling factuur kassabon заказ заказа чек чека накладная"
    " 订单 单据 交易 流水 小票 注文 伝票 レシート 受注 取引",
    "session_id": "session sessions sess visit visits sitzung besuch sesion visita"
    " sessao sessione"
    " sessie bezoek sesja wizyta сессия сеанс визит 会话 访问 セッション 訪問",
    "store": "store stores shop shops branch outlet filiale filialen markt"
    " magaza butik butikk 매장 magasin magasins boutique tienda tiendas sucursal loja"
    " lojas filial negozio negozi"
    " punto vendita winkel winkels sklep sklepu oddzial магазин магазина"
    " 门店 店铺 商店 分店 店舗 店",
    "brand": "brand brands varumarke 브랜드 marke marque marca merk marka make"
    " manufacturer hersteller fabricant"
    " fabricante produttore fabrikant producent бренд марка производитель"
    " 品牌 ブランド メーカー",
    "category_id": "category categories cat cate kategori 카테고리 kategorie categorie"
    " categoria kategoria"
    " warengruppe artikelgruppe produktgruppe rubrique rayon famille familia famiglia reparto"
    " productgroep grupa категория группа 类目 类别 品类 分类 カテゴリ カテゴリー 部門 部门",
}
# Names that win where another column has the same noun: Olist has a customer id per order too.
FIRST: Mapping[str, str] = {"customer_id": "customer unique id, unique customer id"}
# By canonical column, whole names with their words in any order, the clearest first: names that say
# it, and names that may mean it. `line_total` is the price of a line whatever its quantity.
PHRASES: Mapping[str, tuple[str, str]] = {
    "event_at": (
        "event time, event timestamp, timestamp, event at, event date, event datetime,"
        " order date, order time, order datetime, order timestamp, order purchase timestamp,"
        " purchase date, purchase time, purchase datetime, purchase timestamp, purchased at,"
        " invoice date, invoice time, transaction date, transaction time, transaction timestamp,"
        " transaction dt, trans date, txn date, txn time, trx date, trx time, trx dt,"
        " inv date, ord date, tran date, txn dt, trans dt, order dt, sale date, sales"
        " date, date of sale,"
        " visit start time, derived tstamp, collector tstamp, server timestamp, hit timestamp,"
        " click time, action time, behavior time, view time, time stamp, date time, datetime,"
        " date, time, ts, tstamp, created at, created, creation date, date created, date add,"
        " order created at, order created date, day, original timestamp, sent at,"
        " datum, datum uhrzeit, belegdatum, bestelldatum, rechnungsdatum, kaufdatum,"
        " auftragsdatum, verkaufsdatum, bondatum, buchungsdatum, zeitstempel, zeitpunkt,"
        " date commande, date de commande, date facture, date de vente, date achat, date d achat,"
        " date heure, horodatage, jour, date ticket,"
        " fecha, fecha pedido, fecha de pedido, fecha compra, fecha de compra, fecha factura,"
        " fecha venta, fecha hora, data, data pedido, data do pedido, data compra, data"
        " da compra,"
        " data venda, data da venda, data hora, data ordine, data acquisto, data vendita,"
        " data fattura, data ora, data scontrino, data zamowienia, data sprzedazy, data zakupu,"
        " data transakcji, data wystawienia, datum bestelling, besteldatum, factuurdatum,"
        " aankoopdatum, verkoopdatum, transactiedatum, tijdstip, tijdstempel,"
        " tarih, siparis tarihi, satis tarihi, orderdatum, dato, ordredato, kopdatum,"
        " 날짜, 주문일,"
        " shop date, дата, дата заказа, дата покупки, дата продажи, дата чека, дата время, время,"
        " 时间, 日期, 下单时间, 订单日期, 订单时间, 购买时间, 购买日期, 交易时间,"
        " 交易日期, 时间戳,"
        " 创建时间, 销售日期, 日時, 日付, 注文日, 注文日時, 購入日, 購入日時, 売上日,"
        " 販売日, 取引日",
        "when, event day, session start, visit time, start time, date hour",
    ),
    "event_type": (
        "event type, event name, event, evt, evt type, evt name, event action, action"
        " type, action, activity,"
        " activity type, behavior type, behavior, behaviour type, behaviour, interaction type,"
        " interaction, hit type, user action, type of event, ecommerce action type,"
        " ecommerce action, e commerce action, product action, shop action, tracking event,"
        " ereignis, ereignistyp, ereignisart, aktion, evenement, type evenement, type d"
        " evenement,"
        " evento, tipo evento, tipo de evento, tipo di evento, accion, acao, azione,"
        " zdarzenie, typ zdarzenia, gebeurtenis, событие, тип события, действие,"
        " 行为, 行为类型, 事件, 事件类型, 操作类型, イベント, イベント種別, 行動, 行動種別",
        "type, transaction type, trans type, tran type, txn type, order type, record type,"
        " sale type, sales type, line type, document type, kind, status, vorgang, vorgangsart,"
        " belegart, buchungsart, bewegungsart, type de vente, type operation, tipo,"
        " tipo operacion, tipo de operacion, tipo operazione, tipo de operacao, tipo venda, typ,"
        " typ transakcji, typ dokumentu, soort, тип, тип операции, 类型, 交易类型,"
        " 種別, 取引区分",
    ),
    "customer_id": (
        "user pseudo id, user unique id, full visitor id, visitor id, distinct id,"
        " anonymous id, amplitude id, canonical id, domain user id, network user id,"
        " client id, customer, household key, hshd num, card no, card number, loyalty card,"
        " kundenkarte, kartennummer, carte fidelite, numero carte, tarjeta, carta fedelta,"
        " klantenkaart, карта, номер карты, карта клиента, カード番号, 会员卡号, person id, uid,"
        " mid, cid, customer email, customer e mail, e mail, email, email address,"
        " customer phone, mobile, msisdn, phone, correo, courriel",
        "account, account id, person, who, guest id, device id, cookie id, cookie, billing email,"
        " contact id, profile id, contact email, mobile no, mobile number",
    ),
    "product_id": (
        "sku, product sku, item sku, lineitem sku, stock code, asin, upc, ean, gtin,"
        " barcode, plu,"
        " item code, product code, artnr, art nr, ref article, reference produit, 款号, 货号,"
        " item number, product number, prod id, prod no, product, article, item",
        "title, track id, artist id, movie id, song id, isbn, offer id, aid, listing"
        " id, material,"
        " lineitem name, item name, product name, variation id",
    ),
    "order_id": (
        "order number, order no, order name, invoice no, transaction id, basket id, receipt no,"
        " bill no, checkout id, increment id, bonnummer, belegnummer, vorgangsnummer,"
        " numero ticket, no ticket, num facture, order reference, kassenbonnummer, purchase id",
        "document no, document number, docno, voucher no, cart id",
    ),
    "session_id": (
        "session id, user session, ga session id, domain session id, visit id, session key,"
        " session, visit number, idvisit",
        "sid, domain session idx",
    ),
    "store": (
        "store id, store, shop, shop id, store name, branch, branch id, outlet, outlet"
        " id, filiale,"
        " shop no, pos location, location id, store code, store number, punto vendita, warehouse",
        "location, channel, sales channel, sales channel id, affiliation, market,"
        " country, region,"
        " city, land, pays, pais, paese, kraj, страна, 国家, 城市, 国",
    ),
    "brand": ("brand, brand name, brand id, item brand, product brand", "vendor, supplier, label"),
    "category_id": (
        "category id, category, product category, item category, category name, cat id,"
        " product category name, main category, department, dept, department id, product group,"
        " product class, item category id, product category id, product type,"
        " product subclass, commodity desc, aisle id",
        "section, segment id, group, class, aisle, genre, sub category, subcategory",
    ),
    "category_code": (
        "category code, category path, category name, category tree, product category name,"
        " item category name, category label",
        "category hierarchy",
    ),
    "unit_price": (
        "unit price, price per unit, price each, price, item price, product price,"
        " lineitem price,"
        " sale price, sales price, selling price, price usd, price eur, price gbp, unit"
        " cost price,"
        " net unit price, gross unit price, retail price, price paid, price per item,"
        " preis, einzelpreis, stuckpreis, verkaufspreis, preis pro stuck, vk preis,"
        " preis brutto, einzelpreis brutto, einzelpreis netto, e preis, ep,"
        " prix, prix unitaire, prix unitaire ttc, prix unitaire ht, prix ttc, prix vente, pu,"
        " pu ttc, pu ht, prix de vente,"
        " precio, precio unitario, precio unidad, precio venta, precio de venta, pvp,"
        " preco, preco unitario, preco venda, preco de venda, valor unitario,"
        " prezzo, prezzo unitario, prezzo vendita, prezzo di vendita, importo unitario,"
        " cena, cena jednostkowa, cena brutto, cena netto, cena sprzedazy, cena jedn,"
        " prijs, stukprijs, eenheidsprijs, prijs per stuk, verkoopprijs, prijs per eenheid,"
        " fiyat, birim fiyat, satis fiyati, pris, styckpris, enhetspris, stykpris, 가격, 단가,"
        " цена, цена за единицу, цена за шт, цена продажи, стоимость единицы,"
        " 价格, 单价, 商品价格, 售价, 销售单价, 価格, 単価, 販売価格, 販売単価",
        "list price, msrp, rate, uvp, regular price, unit cost, avg price",
    ),
    "line_total": (
        "sales, sales value, sales amount, sale amount, line total, line amount, total price,"
        " amount, amt, trx amount, trx amt, sales amt, line amt, line price, line"
        " value, total, total amount, total sales, total sale, revenue,"
        " item revenue, product revenue, item total, extended price, net sales, gross sales,"
        " net amount, gross amount, turnover, spend, spent, value, item subtotal, line subtotal,"
        " amount paid, purchase amount, transaction amount, sales total, sale total,"
        " sales dollars, dollars, dollar value, total value, total spend, net value, cost total,"
        " umsatz, betrag, gesamtpreis, gesamtbetrag, gesamt, positionsbetrag, zeilenbetrag,"
        " summe, bonsumme, umsatz brutto, umsatz netto, warenwert, gesamtpreis brutto,"
        " montant, montant total, montant ttc, montant ht, montant ligne, total ligne, total ttc,"
        " total ht, chiffre d affaires, ca, ca ttc, ca ht, prix total, valeur,"
        " importe, importe total, importe linea, total linea, monto, monto total, precio total,"
        " ventas, venta total, valor, valor total, valor venda, faturamento, valor da venda,"
        " preco total, total item, importo, importo totale, importo riga, totale, totale riga,"
        " prezzo totale, fatturato, valore, kwota, wartosc, wartosc brutto, wartosc netto, suma,"
        " razem, wartosc sprzedazy, kwota brutto, bedrag, totaal, totaalbedrag, totaalprijs,"
        " tutar, toplam tutar, toplam, belopp, summa, radsumma, belob, omsattning, 금액,"
        " omzet, regelbedrag, regeltotaal, сумма, стоимость, выручка, сумма продажи, итого, итог,"
        " сумма строки, 金额, 总额, 总价, 销售额, 销售金额, 交易金额, 实付金额, 订单金额,"
        " 金額, 売上, 売上金額, 売上高, 合計, 合計金額, 販売金額, 小計",
        "payment value, payment, paid, order value, order total, order amount, grand total,"
        " basket value, basket total, invoice total, invoice amount, total order value, purchase,"
        " purchases, subtotal, cart value, rechnungsbetrag, bestellwert, rechnungssumme, asset",
    ),
    "quantity": (
        "quantity, qty, order quantity, quantity ordered, qty ordered, item quantity,"
        " product quantity, lineitem quantity, units, units sold, pieces, pcs, item qty,"
        " number of items, num items, item count, quantity sold, order qty, sales quantity,"
        " menge, anzahl, stuck, stuckzahl, absatz, verkaufsmenge,"
        " quantite, qte, nombre, nb, nb articles, cantidad, cant, unidades, uds,"
        " quantidade, qtd, qtde, unidades vendidas, quantita, qta, pezzi, q ta,"
        " ilosc, liczba, szt, liczba sztuk, aantal, hoeveelheid, stuks,"
        " miktar, adet, antal, antall, st, 수량, количество, кол во, шт, число, 数量,"
        " 购买数量, 件数, 销量, 销售数量, 個数, 点数,"
        " 販売数量, 購入数",
        "count, cnt, volume, number",
    ),
    "discount": (
        "discount, discount amount, line discount, item discount, lineitem discount, rebate,"
        " discount value, discount applied, discount rate, discount percent, discount pct,"
        " rabatt, nachlass, rabattbetrag, remise, montant remise, reduction, ristourne,"
        " descuento, dto, importe descuento, desconto, valor desconto, valor do desconto,"
        " sconto, importo sconto, korting, kortingsbedrag, rabat, kwota rabatu, znizka, upust,"
        " indirim, iskonto, rabatt belopp, 할인, скидка, сумма скидки, 折扣, 优惠,"
        " 优惠金额, 折扣率, 割引, 値引, 値引額, 割引額, 割引率",
        "retail disc, disc, coupon disc, promo amount, markdown, savings",
    ),
    "net_amount": ("net amount, net sales, net total, net value, nettobetrag, netto", ""),
}
