-- title: Two bonuses climb one referral chain
-- class: read_modify_write
-- construct: recursive call, default argument
-- anomaly: lost update

-- @schema
create schema referral;
create table referral.agent (id integer primary key, referred_by integer, cents integer not null default 0);

-- @racy
create function referral.reward(p_agent integer, p_cents integer, p_depth integer default 0) returns integer
language plpgsql as $$
declare
    v_parent integer;
    v_cents integer;
begin
    if p_agent is null or p_cents < 1 then
        return p_depth;
    end if;
    select referred_by, cents + p_cents into v_parent, v_cents from referral.agent where id = p_agent;
    update referral.agent set cents = v_cents where id = p_agent;
    return referral.reward(v_parent, p_cents / 2, p_depth + 1);
end $$;

-- @safe
create function referral.reward(p_agent integer, p_cents integer, p_depth integer default 0) returns integer
language plpgsql as $$
declare
    v_parent integer;
begin
    if p_agent is null or p_cents < 1 then
        return p_depth;
    end if;
    update referral.agent set cents = cents + p_cents where id = p_agent returning referred_by into v_parent;
    return referral.reward(v_parent, p_cents / 2, p_depth + 1);
end $$;

-- @alone
select referral.reward(99, 5);
select referral.reward(null, 5);
select referral.reward(2, 2147483647);

-- @race
-- @setup
insert into referral.agent values (1, null, 7), (2, 1, 1), (3, 1, 0);
-- @session left
-- @call reward
select referral.reward(2, 100);
-- @session right
-- @call reward
select referral.reward(3, 50);
