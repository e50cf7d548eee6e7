"""Names of columns in words, and what they say: literal names in, canonical columns out."""

import pytest

from custseg_spark.core.mappings.naming import MAY, SAYS, named
from custseg_spark.core.mappings.words import words


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("InvoiceNo", ("invoice", "no")),
        ("visitorid", ("visitor", "id")),
        ("Kundennummer", ("kunden", "nummer")),
        ("用户ID", ("用户", "id")),
        ("Prix_unitaire", ("prix", "unitaire")),
        ("Qté", ("qte",)),
        ("Größe", ("grosse",)),
        ("ID_klienta", ("id", "klienta")),
        ("items.item_id", ("items", "item", "id")),
    ],
)
def test_a_name_is_taken_apart(name: str, found: tuple[str, ...]) -> None:
    assert words(name) == found


@pytest.mark.parametrize(
    ("canonical", "names"),
    [
        ("customer_id", "household_id household_key user_pseudo_id visitorid Email Kundennummer"),
        ("customer_id", "用户ID cliente id_client CustomerID fullVisitorId distinct_id ID_klienta"),
        (
            "customer_id",
            "顧客ID codigo_cliente Klantnummer CUST_CODE buyer-email customer_unique_id",
        ),
        ("product_id", "StockCode sku itemid article_id Artikelnummer 商品コード codigo_produto"),
        ("order_id", "InvoiceNo BASKET_ID Bestellnummer transaction_id Bonnummer numero_pedido"),
        ("event_at", "event_time Bestelldatum InvoiceDate order_purchase_timestamp 时间 Дата"),
        (
            "unit_price",
            "UnitPrice price Einzelpreis preco_unitario 単価 Cena_jednostkowa price_usd",
        ),
        ("line_total", "Sales SALES_VALUE Umsatz Montant_TTC valor_total 金额 Regeltotaal Importe"),
        ("quantity", "Quantity qty Menge Quantité qtde ilość Количество purchasequantity"),
        ("discount", "Discount Rabatt remise descuento 割引 Korting discount_amount"),
        ("session_id", "user_session sessionId visitId ga_session_id domain_sessionid"),
        ("store", "Filiale store_id Magasin Tienda loja Negozio Winkel Магазин"),
        ("event_type", "event_type event behavior_type 行为类型 action"),
    ],
)
def test_usual_names_say_what_they_are_of(canonical: str, names: str) -> None:
    found = {name: named(canonical, name) for name in names.split()}
    assert {name: fit and fit.fit for name, fit in found.items()} == dict.fromkeys(found, SAYS)


@pytest.mark.parametrize(
    ("canonical", "name"),
    [
        ("customer_id", "Customer Name"),
        ("customer_id", "customer_city"),
        ("customer_id", "Customer type"),
        ("product_id", "order_item_id"),
        ("order_id", "add_to_cart_order"),
        ("order_id", "order_status"),
        ("unit_price", "shipping price"),
        ("unit_price", "compare at price"),
        ("unit_price", "Tax 5%"),
        ("line_total", "tax amount"),
        ("quantity", "PRODUCT_SIZE"),
        ("event_type", "event_id"),
        ("store", "store_name_length"),
    ],
)
def test_a_name_with_another_thing_in_it_says_nothing(canonical: str, name: str) -> None:
    assert named(canonical, name) is None


def test_a_country_may_be_a_store_and_no_more() -> None:
    fit = named("store", "Country")
    assert fit is not None
    assert fit.fit == MAY
