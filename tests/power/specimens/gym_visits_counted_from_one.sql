-- title: The first two visits of a month come at once
-- class: first_touch_race
-- construct: on conflict do update
-- anomaly: lost update
-- orders: few
--
-- Whoever finds no counter makes one that starts at its own visit, also over somebody else's.

-- @schema
create schema gym;
create table gym.visits (member integer, month date, used smallint not null, primary key (member, month));

-- @racy
create or replace function gym.enter(in p_member integer, in p_month date, in p_guests smallint default 0)
returns smallint language plpgsql volatile as $body$
declare
    result gym.visits.used%type;
begin
    update gym.visits set used = used + 1 + p_guests where member = p_member and month = p_month
    returning used into result;
    if not found then
        insert into gym.visits as v values (p_member, p_month, 1 + p_guests)
        on conflict (member, month) do update set used = excluded.used
        returning used into result;
    end if;
    return result;
end;
$body$;

-- @safe
create or replace function gym.enter(in p_member integer, in p_month date, in p_guests smallint default 0)
returns smallint language plpgsql volatile as $body$
declare
    result gym.visits.used%type;
begin
    insert into gym.visits as v values (p_member, p_month, 1 + p_guests)
    on conflict (member, month) do update set used = v.used + excluded.used
    returning used into result;
    return result;
end;
$body$;

-- @alone
select gym.enter(7, '2031-04-01', p_guests => 2::smallint);
select gym.enter(7, null);

-- @race
-- @setup
-- @session gate_a
-- @call enter
select gym.enter(7, '2031-05-01');
-- @session gate_b
-- @call enter
select gym.enter(7, '2031-05-01', 1::smallint);
