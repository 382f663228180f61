-- title: Two on-call doctors hand in their shift credits at serializable
-- class: exception_swallowed
-- construct: serializable, exception when others
-- anomaly: false refusal
-- isolation: serializable
-- refused: result.leave = no
--
-- The right one lets PostgreSQL's refusal through, and the caller sends the call again.

-- @schema
create schema oncall;
create table oncall.doctor (name text primary key, on_duty boolean not null, credits integer not null default 0);

-- @racy
create function oncall.leave(p_name text) returns text language plpgsql as $$
begin
    if (select count(*) from oncall.doctor where on_duty) < 2 then
        return 'no';
    end if;
    update oncall.doctor set on_duty = false, credits = credits + 1 where name = p_name;
    update oncall.doctor set credits = credits - 1 where name = 'pool';
    return 'yes';
exception
    when others then
        return 'no';
end $$;

-- @safe
create function oncall.leave(p_name text) returns text language plpgsql as $$
begin
    if (select count(*) from oncall.doctor where on_duty) < 2 then
        return 'no';
    end if;
    update oncall.doctor set on_duty = false, credits = credits + 1 where name = p_name;
    update oncall.doctor set credits = credits - 1 where name = 'pool';
    return 'yes';
end $$;

-- @race
-- @setup
insert into oncall.doctor values ('ann', true, 0), ('ben', true, 0), ('cat', true, 0), ('pool', false, 100);
-- @session ann
-- @call leave
select oncall.leave('ann');
-- @session ben
-- @call leave
select oncall.leave('ben');
