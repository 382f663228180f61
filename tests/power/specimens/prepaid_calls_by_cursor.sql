-- title: Two calls are billed against the prepaid cards of one number
-- class: read_modify_write
-- construct: cursor, open, fetch, where current of, loop with exit
-- anomaly: lost update

-- @schema
create schema phone;
create table phone.card (no integer primary key, msisdn text not null, cents integer not null);

-- @racy
create function phone.bill(p_msisdn text, p_cents integer) returns integer language plpgsql as $$
declare
    c cursor (who text) for select * from phone.card where msisdn = who and cents > 0 order by no;
    r phone.card;
    v_open integer := p_cents;
begin
    open c (who => p_msisdn);
    loop
        fetch next from c into r;
        exit when not found or v_open = 0;
        update phone.card set cents = r.cents - least(v_open, r.cents) where no = r.no;
        v_open := v_open - least(v_open, r.cents);
    end loop;
    close c;
    return v_open;
end $$;

-- @safe
create function phone.bill(p_msisdn text, p_cents integer) returns integer language plpgsql as $$
declare
    c cursor (who text) for
        select * from phone.card where msisdn = who and cents > 0 order by no for no key update;
    r phone.card;
    v_open integer := p_cents;
begin
    open c (who => p_msisdn);
    loop
        fetch next from c into r;
        exit when not found or v_open = 0;
        update phone.card set cents = r.cents - least(v_open, r.cents) where current of c;
        v_open := v_open - least(v_open, r.cents);
    end loop;
    close c;
    return v_open;
end $$;

-- @alone
select phone.bill(:msisdn, 0);

-- @race
-- @values msisdn text
-- @setup
insert into phone.card values (1, :msisdn, 30), (2, :msisdn, 50);
-- @session call_1
-- @call bill
select phone.bill(:msisdn, 40);
-- @session call_2
-- @call bill
select phone.bill(:msisdn, 20);
