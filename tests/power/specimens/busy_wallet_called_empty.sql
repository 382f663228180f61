-- title: Two fares are taken from one travel card
-- class: lock_timeout_as_refusal
-- construct: for update nowait, exception block
-- anomaly: false refusal
-- refused: result.pay = empty
-- orders: few
--
-- A card that another gate is busy with counts as empty.

-- @schema
create schema metro;
create table metro.card (id uuid primary key, fares integer not null);

-- @racy
create function metro.pay(p_card uuid) returns text
language plpgsql
as $$
declare
    v_fares integer;
begin
    begin
        select fares into strict v_fares from metro.card where id = p_card for update nowait;
        if v_fares < 1 then
            raise exception using errcode = 'no_data_found';
        end if;
        update metro.card set fares = fares - 1 where id = p_card;
    exception
        when lock_not_available or no_data_found then
            return 'empty';
    end;
    return 'open';
end
$$;

-- @safe
create function metro.pay(p_card uuid) returns text
language plpgsql
as $$
declare
    v_fares integer;
begin
    begin
        select fares into strict v_fares from metro.card where id = p_card for update nowait;
        if v_fares < 1 then
            raise exception using errcode = 'no_data_found';
        end if;
        update metro.card set fares = fares - 1 where id = p_card;
    exception
        when no_data_found then
            return 'empty';
    end;
    return 'open';
end
$$;

-- @alone
select metro.pay(gen_random_uuid());

-- @race
-- @values card uuid
-- @setup
insert into metro.card values (:card, 5);
-- @session gate_1
-- @call pay
select metro.pay(:card);
-- @session gate_2
-- @call pay
select metro.pay(:card);
