-- title: Two groups take rooms with a budget of nights
-- class: check_then_act
-- construct: return next, setof, for in execute, out parameters
-- anomaly: lost update
-- orders: few

-- @schema
create schema hotel;
create table hotel.room (no integer primary key, party text);

-- @racy
create function hotel.take(p_party text, p_rooms integer) returns table (room integer, taken_by text)
language plpgsql as $$
declare
    r record;
begin
    for r in execute 'select no from hotel.room where party is null order by no limit $1' using p_rooms loop
        update hotel.room set party = p_party where no = r.no;
        room := r.no;
        taken_by := p_party;
        return next;
    end loop;
    return;
end $$;

-- @safe
create function hotel.take(p_party text, p_rooms integer) returns table (room integer, taken_by text)
language plpgsql as $$
declare
    r record;
begin
    lock table hotel.room in share row exclusive mode;
    for r in execute 'select no from hotel.room where party is null order by no limit $1' using p_rooms loop
        update hotel.room set party = p_party where no = r.no;
        room := r.no;
        taken_by := p_party;
        return next;
    end loop;
    return;
end $$;

-- @alone
select * from hotel.take('none', 0);
select * from hotel.take('all', 9);

-- @race
-- @setup
insert into hotel.room values (1), (2), (3);
-- @session scouts
-- @call take
select * from hotel.take('scouts', 2);
-- @session choir
-- @call take
select * from hotel.take('choir', 1);
