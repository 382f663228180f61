-- title: A guest account is closed while it earns
-- class: check_then_act
-- construct: foreign key with cascade, returning into strict, nested blocks
-- anomaly: raw constraint violation
-- refused: P0001 CLOSED*
-- orders: few
--
-- The foreign key keeps the entry from being an orphan. Its error is no answer for a caller.

-- @schema
create schema guest;
create table guest.account (id integer primary key);
create table guest.entry (account integer not null references guest.account on delete cascade, cents integer not null);
create function guest.close(p_id integer) returns boolean language plpgsql as $$
begin
    delete from guest.account where id = p_id;
    return found;
end $$;

-- @racy
create function guest.earn(p_id integer, p_cents integer) returns bigint language plpgsql as $$
declare
    v_sum bigint;
begin
    if not exists (select from guest.account where id = p_id) then
        raise exception 'CLOSED';
    end if;
    begin
        insert into guest.entry (account, cents) values (p_id, p_cents) returning cents into strict v_sum;
    end;
    return v_sum;
end $$;

-- @safe
create function guest.earn(p_id integer, p_cents integer) returns bigint language plpgsql as $$
declare
    v_sum bigint;
begin
    begin
        insert into guest.entry (account, cents) values (p_id, p_cents) returning cents into strict v_sum;
    exception
        when foreign_key_violation then
            raise exception 'CLOSED';
    end;
    return v_sum;
end $$;

-- @alone
select guest.earn(2, 5);

-- @race
-- @setup
insert into guest.account values (1);
-- @session guest
-- @call earn
select guest.earn(1, 5);
-- @session desk
-- @call close
select guest.close(1);
