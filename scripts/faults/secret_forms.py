"""The forms in which a secret may stand in a text, for the tests of redaction: `{}` is the secret.

`kept` must still be there when it is redacted: who, where, which parameter.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """A text around a secret, which can't hold the characters of `never`."""

    name: str
    template: str
    kept: tuple[str, ...] = ()
    never: str = ""

    def of(self, secret: str) -> str:
        """The text with the secret in it."""
        return self.template.replace("{}", secret)


FORMS = (
    # URLs.
    Form("url_user_password", "postgresql://loader:{}@db.example/shop", ("postgresql://loader:",)),
    Form("url_password_alone", "redis://:{}@cache.example:6379/0", ("redis://:", "6379")),
    Form("http_user_password", "https://ann:{}@api.example/v1", ("https://",)),
    Form("http_token_as_user", "https://{}@api.example/v1", ("https://",), "/?#"),
    Form("url_token", "https://api.example/v1?page=2&token={}", ("api.example/v1?page=2",)),
    Form("url_api_key", "https://api.example/v1?api_key={}", ("api.example",)),
    Form("url_key", "https://api.example/v1?key={}", ("api.example",)),
    Form("url_access_key", "https://api.example/v1?access_key={}", ("api.example",)),
    Form("url_percent_encoded", "to=https%3A%2F%2Fapi.example%3Ftoken%3D{}", ("api.example",)),
    # Storage: a SAS of Azure, presigned requests of AWS and Google, keys in settings.
    Form("azure_sas", "https://a.blob.core.windows.net/c/f?sv=2024-11-04&se=2026-01-01&sig={}",
         ("sv=2024-11-04",)),
    Form("azure_connection", "AccountName=a;AccountKey={};EndpointSuffix=core", ("AccountName=a",)),
    Form("azure_account_key", "fs.azure.account.key.a.dfs.core.windows.net={}",
         ("fs.azure.account.key.a",)),
    Form("aws_presigned", "https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature={}",
         ("X-Amz-Expires=60",)),
    Form("aws_session", "https://b.s3.amazonaws.com/k?X-Amz-Security-Token={}", ("b.s3",)),
    Form("aws_login_in_uri", "s3a://ANEXAMPLE:{}@bucket/log", ("s3a://ANEXAMPLE",)),
    Form("hadoop_secret_key", "spark.hadoop.fs.s3a.secret.key={}", ("spark.hadoop.fs.s3a",)),
    Form("google_signature", "https://storage.googleapis.com/b/k?X-Goog-Signature={}", ("/b/k",)),
    # Databases.
    Form("dsn", "host=db.example user=loader password={}", ("host=db.example user=loader",)),
    Form("dsn_quoted", "host=db.example password='{}' dbname=shop", ("dbname=shop",)),
    Form("jdbc_parameter", "jdbc:postgresql://db.example/shop?user=u&password={}", ("user=u",)),
    Form("jdbc_semicolons", "jdbc:sqlserver://db.example:1433;user=u;password={}", (":1433",)),
    Form("jdbc_braces", "jdbc:sqlserver://db.example;password={{}};user=u", ("user=u",)),
    Form("jdbc_login", "jdbc:mysql://u:{}@db.example/shop", ("jdbc:mysql://u:",)),
    Form("jdbc_oracle", "jdbc:oracle:thin:u/{}@//db.example:1521/shop", ("jdbc:oracle:thin:u/",)),
    Form("jdbc_option", "jdbc.options.sslpassword={}", ("jdbc.options",)),
    Form("sql", "ALTER ROLE loader PASSWORD '{}'", ("ALTER ROLE loader",)),
    # Files and messages.
    Form("json", '{"user": "u", "password": "{}", "port": 5432}', ('"user": "u"', "5432")),
    Form("json_in_json", r'{"body": "{\"client_secret\": \"{}\", \"x\": 1}"}', ("body",)),
    Form("python", "{'user': 'u', 'api_key': '{}', 'port': 5432}", ("'user': 'u'", "5432")),
    Form("scala", "Map(url -> h, password -> {}, user -> u)", ("url -> h", "user -> u")),
    Form("yaml", "user: u\npassword: {}\nport: 5432", ("user: u", "port: 5432")),
    Form("toml", 'token = "{}"\nport = 5432', ("port = 5432",)),
    Form("xml", "<property><name>fs.s3a.secret.key</name><value>{}</value></property>", ("name",)),
    Form("variable", "PGPASSWORD={} psql", ("PGPASSWORD",)),
    Form("option", "custseg export --token {} --lake lake", ("--lake lake",)),
    Form("netrc", "machine h login u password {}", ("machine h login u",)),
    Form("bearer", "Authorization: Bearer {}\nAccept: */*", ("Authorization", "Accept: */*")),
    Form("basic", "{'Authorization': 'Basic {}', 'Accept': '*/*'}", ("'Accept': '*/*'",)),
    Form("api_key_header", "X-Api-Key: {}\nHost: h", ("Host: h",)),
    Form("cookie", "Set-Cookie: session={}; Path=/", ("Set-Cookie",)),
    Form("pem", "key:\n-----BEGIN RSA PRIVATE KEY-----\nMII{}\n-----END RSA PRIVATE KEY-----\nend",
         ("key:", "end")),
    Form("pem_cut_off", "-----BEGIN PRIVATE KEY-----\\nMII{}"),
)  # fmt: skip


def planted(secrets: Iterable[str]) -> list[tuple[Form, str]]:
    """Each form with each secret that it can hold."""
    return [(f, s) for f in FORMS for s in secrets if not set(f.never) & set(s)]


# Plain, with what separates parts of URLs and connections, with quotes and signs.
SECRETS = ("hunter2x", "p@ss;w0rd", "a;b@c/d", "x&y=z#1", "s3cr3t%25!$", "Zm9v+YmFy/w==")
