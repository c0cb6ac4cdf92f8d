"""A customer's own servers: SFTP, FTPS and a web address that take EKT files, with trouble to order."""

USER = "klokwerk"
PASSWORD = "flowers-at-dawn"  # noqa: S105 - of a server that keeps nothing of worth and listens to this machine only
SIGNING_SECRET = "a secret for the embedded platform only"  # noqa: S105 - as above
