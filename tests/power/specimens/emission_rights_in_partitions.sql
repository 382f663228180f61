-- title: Two plants retire emission rights of one year
-- class: check_then_act
-- construct: partitioned table, foreign key, return query execute
-- anomaly: lost update
-- refused: P0001 NO_RIGHTS*
-- orders: few

-- @schema
create schema co2;
create table co2.firm (name text primary key);
create table co2.right_ (
    year integer not null, no integer not null, firm text not null references co2.firm on update cascade,
    retired_by text, primary key (year, no)
) partition by list (year);
create table co2.right_2030 partition of co2.right_ for values in (2030);
create table co2.right_2031 partition of co2.right_ for values in (2031);

-- @racy
create function co2.retire(p_firm text, p_year integer, p_plant text) returns setof integer language plpgsql as $$
declare
    v_no integer;
begin
    execute 'select min(no) from co2.right_ where firm = $1 and year = $2 and retired_by is null'
    into v_no using p_firm, p_year;
    if v_no is null then
        raise exception 'NO_RIGHTS';
    end if;
    return query execute
        'update co2.right_ set retired_by = $3 where year = $1 and no = $2 returning no' using p_year, v_no, p_plant;
end $$;

-- @safe
create function co2.retire(p_firm text, p_year integer, p_plant text) returns setof integer language plpgsql as $$
declare
    v_no integer;
begin
    execute 'select no from co2.right_ where firm = $1 and year = $2 and retired_by is null
        order by no limit 1 for update skip locked'
    into v_no using p_firm, p_year;
    if v_no is null then
        raise exception 'NO_RIGHTS';
    end if;
    return query execute
        'update co2.right_ set retired_by = $3 where year = $1 and no = $2 returning no' using p_year, v_no, p_plant;
end $$;

-- @alone
select co2.retire('acme', 2029, 'x');
update co2.firm set name = 'acme & sons';
select co2.retire('acme & sons', 2030, 'x');

-- @race
-- @setup
insert into co2.firm values ('acme');
insert into co2.right_ values (2030, 1, 'acme'), (2030, 2, 'acme'), (2031, 1, 'acme');
-- @session north
-- @call retire
select co2.retire('acme', 2030, 'north');
-- @session south
-- @call retire
select co2.retire('acme', 2030, 'south');
