-- title: Two guests book the same seat
-- class: raw_unique_violation
-- construct: partial unique index, quoted identifiers, on conflict do nothing
-- anomaly: raw unique violation
-- refused: P0001 BELEGT*
-- orders: few
--
-- A seat may be booked again once it was cancelled, so only standing bookings are unique.

-- @schema
create schema "Theater";
create table "Theater"."Buchung" (
    "Nummer" integer generated always as identity primary key,
    "Platz" text not null,
    "Gast" uuid not null,
    "storniert am" timestamptz
);
create unique index "ein Gast je Platz" on "Theater"."Buchung" ("Platz") where "storniert am" is null;

-- @racy
create function "Theater"."Platz buchen"("für" uuid, "Platz" text) returns integer
language plpgsql
as $$
#variable_conflict use_column
declare
    "Nr." integer;
begin
    if exists (
        select from "Theater"."Buchung" as b where b."Platz" = "Platz buchen"."Platz" and b."storniert am" is null
    ) then
        raise 'BELEGT: %', "Platz buchen"."Platz";
    end if;
    insert into "Theater"."Buchung" ("Platz", "Gast")
    values ("Platz buchen"."Platz", "für")
    returning "Nummer" into "Nr.";
    return "Nr.";
end
$$;

-- @safe
create function "Theater"."Platz buchen"("für" uuid, "Platz" text) returns integer
language plpgsql
as $$
#variable_conflict use_column
declare
    "Nr." integer;
begin
    insert into "Theater"."Buchung" ("Platz", "Gast")
    values ("Platz buchen"."Platz", "für")
    on conflict ("Platz") where "storniert am" is null do nothing
    returning "Nummer" into "Nr.";
    if "Nr." is null then
        raise 'BELEGT: %', "Platz buchen"."Platz";
    end if;
    return "Nr.";
end
$$;

-- @alone
select "Theater"."Platz buchen"(null, 'B2');
select "Theater"."Platz buchen"(:gast, 'B3');
select "Theater"."Platz buchen"(:gast, 'B3');

-- @race
-- @values gast uuid, anderer uuid
-- @setup
insert into "Theater"."Buchung" ("Platz", "Gast", "storniert am") values ('A1', :gast, now());
-- @session erster
-- @call buchen
select "Theater"."Platz buchen"(:gast, 'A1');
-- @session zweiter
-- @call buchen
select "Theater"."Platz buchen"(:anderer, 'A1');
