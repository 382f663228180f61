-- title: A total is drawn through a function that answers with a row while money moves
-- class: check_then_act
-- construct: function as a row source, for loop over a function
-- anomaly: read skew
-- orders: few
--
-- The function looks at one pot as it is when it runs; its caller's subquery looks at the other as it
-- was when the caller's statement began.

-- @schema
create schema bank;
create table bank.pot (id integer primary key, n integer not null);
create function bank.content(p integer) returns table (n integer) language plpgsql as $$
begin
    return query select pot.n from bank.pot as pot where pot.id = p;
end $$;
create function bank.contents() returns table (n bigint) language plpgsql as $$
begin
    return query select sum(pot.n) from bank.pot as pot;
end $$;
create function bank.move(p_n integer) returns void language plpgsql as $$
begin
    update bank.pot set n = n + case id when 1 then - p_n else p_n end;
end $$;

-- @racy
create function bank.total() returns integer language plpgsql as $$
declare
    v_total integer;
begin
    select one.n + (select pot.n from bank.pot as pot where pot.id = 2) into v_total
    from bank.content(1) as one;
    return v_total;
end $$;

-- @safe
create function bank.total() returns integer language plpgsql as $$
declare
    v_total integer;
    v_again record;
begin
    select whole.n into v_total from bank.contents() as whole;
    for v_again in select * from bank.contents() loop
        assert v_again.n = v_total;
    end loop;
    return v_total;
end $$;

-- @alone
select bank.content(2);
select bank.contents();

-- @race
-- @setup
insert into bank.pot values (1, 100), (2, 100);
-- @session transfer
-- @call move
select bank.move(30);
-- @session report
-- @call total
select bank.total();
