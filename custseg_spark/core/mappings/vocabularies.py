"""Meanings of the values in event logs, from the documentation of the tools that write them.

A value is known as a whole or not at all: `payment_failed` contains a word of a purchase and is
none. Each table names its documentation.
"""

import re
from collections.abc import Mapping

# A known value that is none of the four types: a step, a state, something withdrawn.
IGNORED = "ignored"

_Table = Mapping[str, str]

# developers.google.com/analytics/devguides/collection/ga4/reference/events, and the events that are
# collected automatically: support.google.com/analytics/answer/9234069.
_GA4 = """
view: view_item
cart: add_to_cart
purchase: purchase, in_app_purchase, ecommerce_purchase
return: refund
ignored: add_payment_info, add_shipping_info, add_to_wishlist, begin_checkout, view_cart,
  remove_from_cart, view_item_list, select_item, select_promotion, view_promotion, select_content,
  generate_lead, login, sign_up, search, view_search_results, share, exception, first_visit,
  first_open, session_start, user_engagement, scroll, file_download, form_start,
  form_submit, video_start, video_progress, video_complete, ad_click, ad_impression, app_remove,
  app_update, app_exception, app_clear_data, os_update, notification_receive, notification_open,
  notification_dismiss, checkout_progress, set_checkout_option, present_offer, join_group,
  tutorial_begin, tutorial_complete, level_up, level_start, level_end, post_score,
  unlock_achievement, earn_virtual_currency, spend_virtual_currency, timing_complete
"""
# segment.com/docs/connections/spec/ecommerce/v2; also RudderStack's and PostHog's.
_SEGMENT = """
view: Product Viewed
cart: Product Added
purchase: Order Completed, Completed Order
return: Order Refunded
ignored: Products Searched, Product List Viewed, Product List Filtered, Promotion Viewed,
  Promotion Clicked, Product Clicked, Product Removed, Cart Viewed, Checkout Started,
  Checkout Step Viewed, Checkout Step Completed, Payment Info Entered, Order Updated,
  Order Cancelled, Coupon Entered, Coupon Applied, Coupon Denied, Coupon Removed,
  Product Added to Wishlist, Product Removed from Wishlist, Wishlist Product Added to Cart,
  Product Shared, Cart Shared, Product Reviewed
"""
# shopify.dev/docs/api/web-pixels-api/standard-events
_SHOPIFY = """
view: product_viewed
cart: product_added_to_cart
purchase: checkout_completed
ignored: cart_viewed, product_removed_from_cart, collection_viewed, search_submitted,
  checkout_started, checkout_address_info_submitted, checkout_contact_info_submitted,
  checkout_shipping_info_submitted, payment_info_submitted, alert_displayed, ui_extension_errored
"""
# docs.snowplow.io/docs/events/ootb-data/ecommerce-events and page tracking.
_SNOWPLOW = """
view: product_view
cart: add_to_cart
purchase: transaction
return: refund
ignored: remove_from_cart, list_click, list_view, promo_click, promo_view, checkout_step,
  trns_error, page_ping, link_click, transaction_item, add_to_cart_failed
"""
# matomo.org/guide/reports/ecommerce-analytics and the Live API's action types.
_MATOMO = """
view: ecommerceProductView
purchase: ecommerceOrder, ecommerceCompletedOrder
ignored: ecommerceAbandonedCart, abandonedCart, outlink, download, goal
"""
# Universal Analytics' enhanced e-commerce: developers.google.com/analytics/devguides/collection/
# analyticsjs/enhanced-ecommerce#action-types
_UNIVERSAL_ANALYTICS = """
view: detail
cart: add
purchase: purchase
return: refund
ignored: remove, checkout, checkout_option, impression
"""
# REES46's open logs, RetailRocket's, Diginetica's, Otto's, Instacart's and Taobao's.
_OPEN_DATA = """
view: view, pv, clicks
cart: cart, addtocart, carts
purchase: purchase, transaction, buy, orders
ignored: remove_from_cart, removefromcart, fav
"""
# developer.matomo.org, Meta's pixel (developers.facebook.com/docs/meta-pixel/reference), TikTok's,
# Pinterest's: one vocabulary.
_PIXELS = """
view: ViewContent, ViewProduct, ViewItem
cart: AddToCart
purchase: Purchase, PlaceAnOrder, CompletePayment
ignored: AddPaymentInfo, AddToWishlist, InitiateCheckout, CompleteRegistration, Contact,
  CustomizeProduct, Lead, Search, StartTrial, Subscribe, SubmitApplication, ViewCategory,
  FindLocation, Schedule, Donate, SubmitForm, ClickButton, Download
"""
# WooCommerce's order types, and tills' types of lines.
_ORDERS = """
purchase: shop_order, sale, sales, order, sell, sold
return: shop_order_refund, return, returned, refunded, sale_return, sales_return
"""
# Plural, short and spelt-out forms of the same.
_FORMS = """
view: views, viewed, view_product, product_views, product_detail_view, view_detail, detail_view,
  product_page_view, item_view, item_viewed, view_item_detail, viewed_item, viewed_product,
  product_detail, view_product_detail, product_page, product_detail_page
cart: add_cart, cart_add, added_to_cart, add_to_basket, add_to_bag, added_to_basket,
  added_to_bag, basket_add, item_added_to_cart, product_add_to_cart, add_item_to_cart,
  add_product_to_cart, add_product_to_basket, add_product_to_bag, product_added_to_basket,
  product_added_to_bag, item_add_to_cart, into_basket, put_in_cart, put_in_basket
purchase: purchases, purchased, buys, bought, transactions, ordered, order_completed,
  purchase_completed, completed_purchase, checkout_complete, order_placed, place_order,
  placed_order, product_purchased, item_purchased, bought_product, order_created
return: returns, refunds, product_returned, item_returned, refund_completed, order_returned
ignored: favorite, favourite, favorites, favourites, wishlist, remove_cart, removed_from_cart,
  cart_remove, remove_from_basket, delete_from_cart, removefromcart, page_exit, search,
  searches, login, logout, register
"""
# The same by the words of other languages; what a till or a shop's own log writes.
_LANGUAGES = """
view: ansicht, produktansicht, aufruf, vue, vue_produit, vista, vista_producto, visualizacao,
  visualizzazione, weergave, wyswietlenie, просмотр, 浏览, 点击, 浏覧, 閲覧, 商品閲覧
cart: warenkorb, in_den_warenkorb, ajout_panier, ajout_au_panier, anadir_al_carrito, carrito,
  adicionar_ao_carrinho, carrinho, aggiunta_al_carrello, carrello, winkelwagen,
  dodanie_do_koszyka, koszyk, корзина, добавление_в_корзину, 加购, 加购物车, 加入购物车, カート,
  カート追加
purchase: kauf, verkauf, bestellung, achat, vente, commande, compra, venta, venda, pedido,
  acquisto, vendita, ordine, aankoop, verkoop, bestelling, zakup, sprzedaz, zamowienie, покупка,
  продажа, заказ, 购买, 下单, 购买成功, 購入, 注文, 売上, 販売
return: ruckgabe, retoure, erstattung, retour, remboursement, devolucion, reembolso, devolucao,
  reso, rimborso, retournering, zwrot, возврат, 退货, 退款, 返品, 返金
ignored: 收藏, merkzettel, favoris, favorito, избранное, お気に入り
"""
# A page view is a product view only in a log without other views.
PAGE_VIEWS = ("page_view", "pageview", "page_views", "pageviews", "page", "screen_view")


def _normal(value: str) -> str:
    """Return a value in lower case without separators: `Add to Cart` as `addtocart`."""
    return re.sub(r"[\W_]+", "", value.casefold())


def _read(*tables: str) -> _Table:
    meanings: dict[str, str] = {}
    for table in tables:
        for entry in re.split(r"\n(?=\w+: )", table.strip()):
            kind, _, values = entry.partition(": ")
            meanings |= {_normal(v): kind for v in values.split(",")}
    return meanings


# The steps stand first: what one tool calls a type, another may call a step.
KNOWN = _read(
    _LANGUAGES,
    _FORMS,
    _ORDERS,
    _PIXELS,
    _UNIVERSAL_ANALYTICS,
    _MATOMO,
    _SHOPIFY,
    _SEGMENT,
    _SNOWPLOW,
    _GA4,
    _OPEN_DATA,
)
_PAGE_VIEWS = frozenset(_normal(v) for v in PAGE_VIEWS)

# Codes by the name of their column, where a data set's documentation gives them: Tianchi's mobile
# recommendation data, Tmall's repeat buyers. A code says nothing by itself.
CODES: Mapping[str, Mapping[str, str]] = {
    "behavior type": {"1": "view", "2": IGNORED, "3": "cart", "4": "purchase"},
    "action type": {"0": "view", "1": "cart", "2": "purchase", "3": IGNORED},
}


def meaning(value: str) -> str | None:
    """Return the canonical type of a value, `ignored`, or None if no table has it."""
    return KNOWN.get(_normal(value))


def is_page_view(value: str) -> bool:
    """Whether a value is the view of a page, whatever its content."""
    return _normal(value) in _PAGE_VIEWS
