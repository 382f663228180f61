create schema clockwork;

create table clockwork.thing (
    id uuid primary key,
    n integer not null default 0,
    done_at timestamptz
);

-- Numbers of every kind: identity, serial, a small one, and one that is part of a text.
create table clockwork.entry (
    entry_no bigint generated always as identity primary key,
    thing uuid not null references clockwork.thing (id),
    number serial not null,
    small smallserial not null,
    note text,
    at timestamptz not null default now(),
    day date not null default current_date,
    ref uuid not null default gen_random_uuid()
);

create sequence clockwork.invoice;
create sequence clockwork.ticks;

create function clockwork.increment(p_id uuid) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    update clockwork.thing set n = n + 1 where id = p_id returning n into v_n;
    return v_n;
end
$$;

create function clockwork.stamp_now(p_id uuid) returns timestamptz
language plpgsql
as $$
begin
    update clockwork.thing set n = n + 1, done_at = now() + interval '90 days' where id = p_id;
    insert into clockwork.entry (thing, note) values (p_id, 'at ' || now());
    return (select done_at from clockwork.thing where id = p_id);
end
$$;

create function clockwork.stamp_clock(p_id uuid) returns table (elapsed interval, epoch numeric)
language plpgsql
as $$
declare
    v_start timestamptz := clock_timestamp();
begin
    update clockwork.thing set n = n + 1 where id = p_id;
    insert into clockwork.entry (thing, note)
    values (p_id, (clock_timestamp() - v_start)::text || extract(epoch from clock_timestamp()));
    return query select clock_timestamp() - v_start, extract(epoch from clock_timestamp());
end
$$;

create function clockwork.draw_lots(p_id uuid) returns double precision
language plpgsql
as $$
declare
    v_lot double precision := random();
begin
    update clockwork.thing set n = n + 1 where id = p_id;
    insert into clockwork.entry (thing, note)
    values (p_id, md5(v_lot::text)), (p_id, (1 + random() * 9)::integer);
    return v_lot;
end
$$;

create function clockwork.number(p_id uuid) returns text
language plpgsql
as $$
declare
    v_entry bigint;
begin
    update clockwork.thing set n = n + 1 where id = p_id;
    insert into clockwork.entry (thing, note)
    values (p_id, 'INV-' || nextval('clockwork.invoice'))
    returning entry_no into v_entry;
    return format('%s, then %s', v_entry, currval('clockwork.invoice'));
end
$$;

create function clockwork.name(p_id uuid) returns jsonb
language plpgsql
as $$
declare
    v_ref uuid := gen_random_uuid();
begin
    update clockwork.thing set n = n + 1 where id = p_id;
    insert into clockwork.entry (thing, note, ref) values (p_id, 'ref ' || v_ref, v_ref);
    return jsonb_build_object('ref', v_ref, 'refs', array[v_ref, p_id]);
end
$$;

-- What is rolled back here leaves gaps in the numbers.
create function clockwork.try_twice(p_id uuid) returns bigint
language plpgsql
as $$
declare
    v_entry bigint;
begin
    begin
        insert into clockwork.entry (thing, note) values (p_id, 'in vain');
        raise exception 'not like that';
    exception
        when raise_exception then
            null;
    end;
    update clockwork.thing set n = n + 1 where id = p_id;
    insert into clockwork.entry (thing, note)
    values (p_id, 'well')
    returning entry_no into v_entry;
    return v_entry;
end
$$;

-- A clock that stands still for some calls and then jumps, as one does that is rounded to seconds.
create function clockwork.slow_clock() returns text
language sql
as $$
    select 'minute ' || (nextval('clockwork.ticks') % 1000000) / 9;
$$;

create function clockwork.stamp_rounded(p_id uuid) returns text
language plpgsql
as $$
declare
    v_minute text;
begin
    update clockwork.thing set n = n + 1 where id = p_id;
    v_minute := clockwork.slow_clock();
    insert into clockwork.entry (thing, note) values (p_id, v_minute);
    return v_minute;
end
$$;

-- The same in each run of one database, and another one in the next database.
create function clockwork.stamp_process(p_id uuid) returns integer
language plpgsql
as $$
begin
    update clockwork.thing set n = n + 1 where id = p_id;
    insert into clockwork.entry (thing, note) values (p_id, current_database());
    return pg_backend_pid();
end
$$;

create function clockwork.mark_all(p_ids uuid[]) returns uuid[]
language plpgsql
as $$
declare
    v_marked uuid[];
begin
    perform 1 from clockwork.thing where id = any (p_ids) order by id for no key update;
    with marked as (
        update clockwork.thing set n = n + 1 where id = any (p_ids) returning id
    )

    select array_agg(id) into v_marked from marked;
    return v_marked;
end
$$;

-- Judges by now(), which is when the transaction began.
create function clockwork.lease(p_id uuid) returns boolean
language plpgsql
as $$
begin
    update clockwork.thing
    set done_at = now()
    where id = p_id and (done_at is null or done_at < now() - interval '1 hour');
    return found;
end
$$;

-- How many came before, by the time at which their transactions began.
create function clockwork.earlier(p_id uuid) returns bigint
language plpgsql
as $$
begin
    insert into clockwork.entry (thing) values (p_id);
    return (select count(*) from clockwork.entry where at < now());
end
$$;

create function clockwork.take_nowait(p_id uuid) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select n into v_n from clockwork.thing where id = p_id for update nowait;
    update clockwork.thing set n = v_n + 1 where id = p_id;
    return v_n + 1;
end
$$;

-- Turns every failure into a normal answer, a deadlock too.
create function clockwork.swallow(p_id uuid, p_other uuid) returns boolean
language plpgsql
as $$
begin
    begin
        update clockwork.thing set n = n + 1 where id = p_id;
        update clockwork.thing set n = n + 1 where id = p_other;
    exception
        when others then
            return false;
    end;
    return true;
end
$$;

create function clockwork.advisory(p_id uuid) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    perform pg_advisory_lock(77);
    select n into v_n from clockwork.thing where id = p_id;
    update clockwork.thing set n = v_n + 1 where id = p_id;
    return v_n + 1;
end
$$;

-- What a session keeps is its own, and a later schedule's session is another one.
create function clockwork.remember(p_id uuid) returns text
language plpgsql
as $$
declare
    v_before text := coalesce(current_setting('clockwork.seen', true), '');
begin
    perform set_config('clockwork.seen', v_before || 'x', false);
    create temporary table kept (n integer);
    insert into kept select n from clockwork.thing where id = p_id;
    update clockwork.thing set n = n + 1 where id = p_id;
    return v_before || (select count(*) from kept);
end
$$;
