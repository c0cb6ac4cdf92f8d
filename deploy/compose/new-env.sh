#!/bin/sh
# Writes .env with fresh passwords for docker-compose.yml; leaves an existing one alone.
set -eu
cd "$(dirname "$0")/../.."
[ ! -e .env ] || { echo ".env is there already; remove it to make new passwords." >&2; exit 1; }
umask 077
for name in POSTGRES_PASSWORD DEBTOR_DATABASE_PASSWORD SALES_DATABASE_PASSWORD EKT_DATABASE_PASSWORD \
  DISPATCH_DATABASE_PASSWORD ACCOUNTING_DATABASE_PASSWORD BACK_OFFICE_DATABASE_PASSWORD \
  EKT_SECRET_KEY ACCOUNTING_SECRET_KEY BACK_OFFICE_SECRET_KEY DEBTOR_SECRET_KEY ADMIN_PASSWORD; do
  echo "$name=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
done > .env
echo "Wrote .env; sign in as admin with ADMIN_PASSWORD from it."
