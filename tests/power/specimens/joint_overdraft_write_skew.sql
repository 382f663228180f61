-- title: Husband and wife draw on two accounts with one limit
-- class: check_then_act
-- construct: repeatable read, aggregate check
-- anomaly: write skew
-- isolation: repeatable read
-- refused: P0001 LIMIT*
-- orders: few
--
-- Each looks at both accounts and writes its own: snapshots don't help (write skew).

-- @schema
create schema joint;
create table joint.couple (id integer primary key);
create table joint.account (owner text primary key, couple integer not null, cents integer not null);

-- @racy
create function joint.draw(p_owner text, p_cents integer) returns void language plpgsql as $$
declare
    v_sum bigint;
begin
    select sum(a.cents) into v_sum from joint.account as a
    where a.couple = (select b.couple from joint.account as b where b.owner = p_owner);
    if v_sum < p_cents then
        raise exception 'LIMIT';
    end if;
    update joint.account set cents = cents - p_cents where owner = p_owner;
end $$;

-- @safe
create function joint.draw(p_owner text, p_cents integer) returns void language plpgsql as $$
declare
    v_sum bigint;
begin
    -- Not only locked: at this level a row that nobody changed may be read in an old version.
    update joint.couple set id = id where id = (select b.couple from joint.account as b where b.owner = p_owner);
    select sum(a.cents) into v_sum from joint.account as a
    where a.couple = (select b.couple from joint.account as b where b.owner = p_owner);
    if v_sum < p_cents then
        raise exception 'LIMIT';
    end if;
    update joint.account set cents = cents - p_cents where owner = p_owner;
end $$;

-- @race
-- @setup
insert into joint.couple values (1);
insert into joint.account values ('he', 1, 50), ('she', 1, 50);
-- @session he
-- @call draw
select joint.draw('he', 80);
-- @session she
-- @call draw
select joint.draw('she', 70);
