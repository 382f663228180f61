-- title: Two cars take the last bay of a car park that doesn't like to wait
-- class: lock_timeout_as_refusal
-- construct: lock_timeout by set_config, a second try after it ran out
-- anomaly: false refusal
-- refused: result.einfahren = voll
-- refused: P0002 VOLL*
--
-- There is room for both. The right one says that it has to be asked again, and not that it is full.

-- @schema
create schema parkhaus;
create table parkhaus.ebene (nr integer primary key, frei integer not null check (frei >= 0));

-- @racy
create function parkhaus.einfahren(p_nr integer) returns text language plpgsql as $$
declare
    v_geduld text := current_setting('lock_timeout');
begin
    perform set_config('lock_timeout', '80ms', true);
    for v_versuch in 1..2 loop
        begin
            update parkhaus.ebene set frei = frei - 1 where nr = p_nr and frei > 0;
            perform set_config('lock_timeout', v_geduld, true);
            return case when found then 'frei' else 'voll' end;
        exception
            when lock_not_available then
                continue;
        end;
    end loop;
    return 'voll';
end $$;

-- @safe
create function parkhaus.einfahren(p_nr integer) returns text language plpgsql as $$
declare
    v_frei boolean;
begin
    perform set_config('lock_timeout', '80ms', true);
    for v_versuch in 1..2 loop
        begin
            update parkhaus.ebene set frei = frei - 1 where nr = p_nr and frei > 0;
            v_frei := found;
            exit;
        exception
            when lock_not_available then
                continue;
        end;
    end loop;
    if v_frei is null then
        raise exception 'ask again' using errcode = 'lock_not_available';
    elsif not v_frei then
        raise exception 'VOLL' using errcode = 'P0002';
    end if;
    return 'frei';
end $$;

-- @alone
select parkhaus.einfahren(9);

-- @race
-- @setup
insert into parkhaus.ebene values (1, 2);
-- @session links
-- @call einfahren
select parkhaus.einfahren(1);
-- @session rechts
-- @call einfahren
select parkhaus.einfahren(1);
