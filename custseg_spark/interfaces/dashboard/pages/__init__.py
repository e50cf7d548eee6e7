"""The dashboard's pages, one module each; `registry` lists them."""
