"""Debtors as we know them, articles, sale lines per order day, invoices, outcomes, outbox and parked."""

from __future__ import annotations

from alembic import op
from klokwerk import schema
from klokwerk.database import script

revision = "0001"
down_revision = None

TABLES = """
create table debtors (
    debtor_id text primary key,
    revision integer not null,
    state text not null,
    merged_into text,
    is_debtor boolean not null,
    number text not null,
    name text not null,
    search text not null,
    use_ekts boolean not null,
    card jsonb not null
);
create index debtors_merged on debtors (merged_into) where merged_into is not null;

create table articles (
    number text primary key,
    revision integer not null default 1,
    name text not null,
    vbn_code text not null,
    packing_code text not null,
    packing_price numeric,
    pieces_per_unit integer,
    vat_class text not null,
    characteristics jsonb not null,
    country_of_origin text,
    image_url text not null,
    search text not null,
    changed_at timestamptz not null
);

create table distributions (
    debtor_id text not null,
    order_day date not null,
    source text not null,
    version integer not null default 0,
    line_count integer not null default 0,
    allocated_count integer not null default 0,
    goods_total numeric not null default 0,
    missing_count integer not null default 0,
    revision integer not null default 0,
    digest text not null default '',
    completed_at timestamptz,
    changed_at timestamptz not null,
    primary key (debtor_id, order_day)
);
create index distributions_day on distributions (order_day desc, debtor_id) where line_count > 0;

create table sale_lines (
    debtor_id text not null,
    order_day date not null,
    line_id text not null,
    position bigint generated always as identity,
    units integer not null check (units >= 0),
    allocated integer not null check (allocated >= 0),
    article_number text not null,
    name text not null,
    vbn_code text not null,
    characteristics jsonb not null,
    country_of_origin text,
    image_url text not null,
    packing_code text not null,
    packing_price numeric,
    pieces_per_unit integer,
    price numeric,
    currency text not null,
    customer_price numeric,
    grower_number text not null,
    grower_name text not null,
    bought text not null,
    clock_number integer,
    supply_letter text not null,
    supply_letter_line text not null,
    sequence text not null,
    logistic_number text not null,
    barcode text not null,
    plate text not null,
    order_reference text not null,
    load_carriers integer,
    transaction_at timestamptz,
    vat_class text not null,
    invoice_id text,
    primary key (debtor_id, order_day, line_id)
);
create index sale_lines_invoice on sale_lines (invoice_id) where invoice_id is not null;

create table ekt_deliveries (
    ekt_id text primary key,
    debtor_id text not null,
    order_day date not null,
    revision integer not null,
    trigger text not null,
    state text not null,
    sale_revision integer,
    request_id text,
    method text not null,
    recipient text not null,
    file_name text not null,
    message text not null,
    link text not null,
    changed_at timestamptz not null
);
create index ekt_deliveries_day on ekt_deliveries (debtor_id, order_day, changed_at desc);

create table resend_requests (
    request_id text primary key,
    debtor_id text not null,
    order_day date not null,
    sale_revision integer not null,
    requested_by text not null,
    requested_at timestamptz not null,
    reason text not null,
    note text not null
);
create index resend_requests_day on resend_requests (debtor_id, order_day, requested_at desc);

create table seller (
    administration text primary key,
    revision integer not null,
    data jsonb not null,
    changed_at timestamptz not null
);

create table number_series (
    administration text not null,
    series text not null,
    year integer not null,
    last_number integer not null,
    primary key (administration, series, year)
);

create table invoices (
    invoice_id text primary key,
    place bigint generated always as identity unique,
    administration text not null,
    state text not null check (state in ('draft', 'final')),
    kind text not null,
    source text not null,
    origin text not null,
    number text,
    debtor_id text not null,
    buyer_name text not null,
    search text not null,
    order_day date,
    issue_date date,
    due_date date,
    currency text not null,
    net numeric not null,
    vat numeric not null,
    gross numeric not null,
    reverse_charge boolean not null,
    corrects_id text,
    payment_status text not null check (payment_status in ('not_paid', 'paid')),
    paid_on date,
    delivery_time text not null default '',
    revision integer not null default 1,
    draft jsonb,
    document jsonb,
    added_at timestamptz not null,
    finalised_at timestamptz,
    check ((state = 'final') = (number is not null and document is not null and issue_date is not null))
);
create unique index invoices_number on invoices (administration, origin, number) where number is not null;
create index invoices_debtor on invoices (debtor_id, place desc);
create index invoices_corrects on invoices (corrects_id) where corrects_id is not null;

create table invoice_lines (
    invoice_id text not null references invoices (invoice_id),
    line_id text not null,
    article_number text not null,
    name text not null,
    quantity numeric not null,
    net_amount numeric not null,
    primary key (invoice_id, line_id)
);

create table invoice_dispatches (
    invoice_id text not null,
    purpose text not null,
    dispatch_id text not null,
    revision integer not null,
    intent text not null,
    state text not null,
    channel text not null,
    recipient text not null,
    message text not null,
    link text not null,
    changed_at timestamptz not null,
    primary key (invoice_id, purpose)
);
"""

FREEZE = """
create function keep_final_invoices() returns trigger language plpgsql as $body$
declare
    may_change constant text[] :=
        array['debtor_id', 'payment_status', 'paid_on', 'delivery_time', 'revision'];
begin
    if old.state <> 'final' then
        return case when tg_op = 'DELETE' then old else new end;
    end if;
    if tg_op = 'DELETE' then
        raise exception 'invoice % is final: make a credit note instead of deleting it', old.number
            using errcode = 'integrity_constraint_violation';
    end if;
    if (to_jsonb(new) - may_change) is distinct from (to_jsonb(old) - may_change) then
        raise exception 'invoice % is final: its contents never change', old.number
            using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end
$body$;
create trigger invoices_are_frozen before update or delete on invoices
    for each row execute function keep_final_invoices();

create function keep_invoice_lines() returns trigger language plpgsql as $body$
begin
    raise exception 'the lines of an issued invoice never change'
        using errcode = 'integrity_constraint_violation';
end
$body$;
create trigger invoice_lines_are_frozen before update or delete on invoice_lines
    for each row execute function keep_invoice_lines();
"""


def upgrade() -> None:
    """Make everything."""
    script(op, TABLES)
    script(op, FREEZE)
    script(op, schema.FIRST)
