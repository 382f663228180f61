-- title: Two teams book overlapping hours of one court
-- class: check_then_act
-- construct: exclusion constraint, range types
-- anomaly: phantom
-- refused: P0001 OCCUPIED*
-- orders: few

-- @schema
create schema court;
create table court.slot (team text not null, during int4range not null);

-- @racy
create function court.book(p_team text, p_from integer, p_to integer) returns int4range language plpgsql as $$
begin
    perform from court.slot where during && int4range(p_from, p_to);
    if found then
        raise exception 'OCCUPIED';
    end if;
    insert into court.slot values (p_team, int4range(p_from, p_to));
    return int4range(p_from, p_to);
end $$;

-- @safe
alter table court.slot add exclude using gist (during with &&);
create function court.book(p_team text, p_from integer, p_to integer) returns int4range language plpgsql as $$
begin
    insert into court.slot values (p_team, int4range(p_from, p_to));
    return int4range(p_from, p_to);
exception
    when exclusion_violation then
        raise exception 'OCCUPIED';
end $$;

-- @alone
select court.book('x', 3, 2);
select court.book('x', 30, 32);

-- @race
-- @setup
insert into court.slot values ('club', '[8,9)');
-- @session reds
-- @call book
select court.book('reds', 17, 19);
-- @session blues
-- @call book
select court.book('blues', 18, 20);
