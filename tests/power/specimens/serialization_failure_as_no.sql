-- title: Two bids reserve funds at repeatable read
-- class: lock_timeout_as_refusal
-- construct: repeatable read, exception serialization_failure
-- anomaly: false refusal
-- isolation: repeatable read
-- refused: result.reserve = poor
-- orders: few

-- @schema
create schema auction;
create table auction.bidder (name text primary key, funds integer not null, held integer not null default 0);

-- @racy
create function auction.reserve(p_name text, p_amount integer) returns text language plpgsql as $$
begin
    update auction.bidder set held = held + p_amount where name = p_name and funds - held >= p_amount;
    return case when found then 'held' else 'poor' end;
exception
    when serialization_failure or deadlock_detected then
        return 'poor';
end $$;

-- @safe
create function auction.reserve(p_name text, p_amount integer) returns text language plpgsql as $$
begin
    update auction.bidder set held = held + p_amount where name = p_name and funds - held >= p_amount;
    return case when found then 'held' else 'poor' end;
exception
    when serialization_failure then
        raise;
end $$;

-- @alone
select auction.reserve('ann', 1000);

-- @race
-- @setup
insert into auction.bidder values ('ann', 100);
-- @session lot_1
-- @call reserve
select auction.reserve('ann', 10);
-- @session lot_2
-- @call reserve
select auction.reserve('ann', 20);
