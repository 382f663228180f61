-- title: Two tills redeem the points of one member
-- class: read_modify_write
-- construct: composite variable, if
-- anomaly: lost update
-- refused: P0001 NOT_ENOUGH_POINTS*
-- orders: few
--
-- The row is read into a %rowtype variable, changed there, and written back.

-- @schema
create schema loyalty;
create table loyalty.member (
    id uuid primary key, points integer not null check (points >= 0), spent integer not null default 0
);

-- @racy
create function loyalty.redeem(p_member uuid, p_points integer) returns integer
language plpgsql
as $$
declare
    v_member loyalty.member%rowtype;
begin
    select * into strict v_member from loyalty.member where id = p_member;
    if v_member.points < p_points then
        raise exception 'NOT_ENOUGH_POINTS' using detail = v_member.points::text;
    end if;
    v_member.points := v_member.points - p_points;
    v_member.spent := v_member.spent + p_points;
    update loyalty.member set points = v_member.points, spent = v_member.spent where id = p_member;
    return v_member.points;
end
$$;

-- @safe
create function loyalty.redeem(p_member uuid, p_points integer) returns integer
language plpgsql
as $$
declare
    v_member loyalty.member%rowtype;
begin
    select * into strict v_member from loyalty.member where id = p_member for update;
    if v_member.points < p_points then
        raise exception 'NOT_ENOUGH_POINTS' using detail = v_member.points::text;
    end if;
    v_member.points := v_member.points - p_points;
    v_member.spent := v_member.spent + p_points;
    update loyalty.member set points = v_member.points, spent = v_member.spent where id = p_member;
    return v_member.points;
end
$$;

-- @alone
select loyalty.redeem(gen_random_uuid(), 1);
select loyalty.redeem(:member, null);

-- @race
-- @values member uuid
-- @setup
insert into loyalty.member values (:member, 50);
-- @session till_1
-- @call redeem
select loyalty.redeem(:member, 30);
-- @session till_2
-- @call redeem
select loyalty.redeem(:member, 40);
