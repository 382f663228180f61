-- title: Two workers run the nightly expiry of points
-- class: read_modify_write
-- construct: procedure with commit, for loop with query
-- anomaly: lost update
--
-- Each member is a transaction of its own, and the list of members is as old as the loop.

-- @schema
create schema expiry;
create table expiry.member (id integer primary key, points integer not null, expiring integer not null);

-- @racy
create procedure expiry.run()
language plpgsql
as $$
declare
    m record;
begin
    for m in select id, points, expiring from expiry.member where expiring > 0 order by id loop
        update expiry.member set points = m.points - m.expiring, expiring = 0 where id = m.id;
        commit;
    end loop;
end
$$;
create procedure expiry.earn(p_member integer, p_points integer)
language plpgsql
as $$
begin
    update expiry.member set points = points + p_points where id = p_member;
    commit;
end
$$;

-- @safe
create procedure expiry.run()
language plpgsql
as $$
declare
    m record;
begin
    for m in select id, points, expiring from expiry.member where expiring > 0 order by id loop
        update expiry.member set points = points - expiring, expiring = 0 where id = m.id;
        commit;
    end loop;
end
$$;
create procedure expiry.earn(p_member integer, p_points integer)
language plpgsql
as $$
begin
    update expiry.member set points = points + p_points where id = p_member;
    commit;
end
$$;

-- @race
-- @setup
insert into expiry.member values (1, 50, 20);
-- @session night
-- @call run
call expiry.run();
-- @session shop
-- @call earn
call expiry.earn(1, 7);
