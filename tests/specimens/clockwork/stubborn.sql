-- Functions on which nobody can pass a judgement.

create function clockwork.coin(p_id uuid) returns text
language plpgsql
as $$
begin
    -- So many sides that two tosses hardly ever agree.
    insert into clockwork.entry (thing, note)
    select p_id, 'toss' from generate_series(1, (random() * 1000)::integer);
    return 'tossed';
end
$$;

create sequence clockwork.tosses;

-- Shows its other side for the first time when the serial orders have run.
create function clockwork.rare_coin(p_id uuid) returns void
language plpgsql
as $$
begin
    update clockwork.thing set n = n + 1 where id = p_id;
    if nextval('clockwork.tosses') % 1000000 > 9 then
        insert into clockwork.entry (thing, note) values (p_id, 'edge');
    end if;
end
$$;

create function clockwork.nap(p_id uuid, p_seconds double precision) returns void
language plpgsql
as $$
begin
    update clockwork.thing set n = n + 1 where id = p_id;
    perform pg_sleep(p_seconds);
end
$$;

-- Only another session can end this.
create function clockwork.wait_for_it(p_id uuid) returns integer
language plpgsql
as $$
begin
    loop
        exit when (select n from clockwork.thing where id = p_id) > 0;
    end loop;
    return 1;
end
$$;

-- Holds a lock, and tries again for ever to get one that somebody has who waits for the first.
create function clockwork.insist(p_id uuid) returns integer
language plpgsql
as $$
declare
    v_tries integer := 0;
begin
    update clockwork.thing set n = n + 1 where id <> p_id;
    loop
        begin
            v_tries := v_tries + 1;
            perform 1 from clockwork.thing where id = p_id for update nowait;
            exit;
        exception
            when lock_not_available then
                null;
        end;
    end loop;
    update clockwork.thing set n = n + 1 where id = p_id;
    return v_tries;
end
$$;
