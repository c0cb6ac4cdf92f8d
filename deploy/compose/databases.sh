#!/bin/sh
# Makes a role and a database per service; the postgres image runs it once, when its volume is empty.
set -eu
make_database() {
  psql --quiet --set ON_ERROR_STOP=1 --set name="$1" --set password="$2" --username "$POSTGRES_USER" <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
revoke connect on database :"name" from public;
SQL
}
make_database debtor_service "$DEBTOR_DATABASE_PASSWORD"
make_database sales_service "$SALES_DATABASE_PASSWORD"
make_database ekt_service "$EKT_DATABASE_PASSWORD"
make_database dispatch_service "$DISPATCH_DATABASE_PASSWORD"
make_database accounting_sync "$ACCOUNTING_DATABASE_PASSWORD"
make_database back_office "$BACK_OFFICE_DATABASE_PASSWORD"
