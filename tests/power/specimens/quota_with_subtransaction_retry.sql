-- title: Two devices open the month's data counter
-- class: first_touch_race
-- construct: loop with exception block, unique_violation, retry
-- anomaly: raw unique violation
-- orders: few

-- @schema
create schema mobile;
create table mobile.counter (sim text, month integer, mb integer not null, primary key (sim, month));

-- @racy
create function mobile.use(p_sim text, p_month integer, p_mb integer) returns integer language plpgsql as $$
declare
    v_mb integer;
begin
    update mobile.counter set mb = mb + p_mb where sim = p_sim and month = p_month returning mb into v_mb;
    if v_mb is null then
        insert into mobile.counter values (p_sim, p_month, p_mb) returning mb into strict v_mb;
    end if;
    return v_mb;
end $$;

-- @safe
create function mobile.use(p_sim text, p_month integer, p_mb integer) returns integer language plpgsql as $$
declare
    v_mb integer;
begin
    loop
        update mobile.counter set mb = mb + p_mb where sim = p_sim and month = p_month returning mb into v_mb;
        exit when found;
        begin
            insert into mobile.counter values (p_sim, p_month, p_mb) returning mb into strict v_mb;
            exit;
        exception
            when unique_violation then
                continue;
        end;
    end loop;
    return v_mb;
end $$;

-- @alone
select mobile.use('+49', 4, 1);
select mobile.use('+49', 4, null);

-- @race
-- @setup
-- @session phone
-- @call use
select mobile.use('+49', 5, 100);
-- @session watch
-- @call use
select mobile.use('+49', 5, 20);
