"""The dashboard's pages, a module each; `registry` lists them."""
