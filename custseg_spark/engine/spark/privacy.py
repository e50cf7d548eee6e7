"""Settings by which Spark hides secrets in its event log and pages, and its files from other
users."""

# Hadoop's, by which Spark's own writers make files and folders; three octal digits.
UMASK = "fs.permissions.umask-mode"
OWNER_ONLY = "077"
# Where there are owners; what an object store keeps has none.
WITH_OWNERS = ("file:", "hdfs:", "viewfs:", "webhdfs:")

# A setting, or a system property such as the command line, is shown as stars where its name or its
# value fits; of a query's plan the part that fits. Rather too much: this is Java's own syntax.
REDACTION = {
    "spark.redaction.regex": (
        r"(?i)secret|passw|passphrase|token|credential|signature|[?&;]sig=|\bsas\b"
        r"|(?:access|account|api|private)[._-]?key|//[^/@\s]*:[^@\s]+@|https?://[^/@\s]+@"
    ),
    "spark.sql.redaction.string.regex": (
        r"(?i)(?:secret|password|passwd|token|access[._-]?key|sig)\s*=\s*\S+|//[^/@\s]*:[^@\s]+@"
    ),
}
