create function gift.redeem(p_card uuid, p_amount integer) returns integer
language plpgsql
as $$
declare
    v_balance integer;
begin
    select balance into v_balance from gift.card where id = p_card;
    if v_balance < p_amount then
        raise exception 'INSUFFICIENT: % is less than %', v_balance, p_amount;
    end if;
    update gift.card set balance = v_balance - p_amount where id = p_card;
    insert into gift.entry (card_id, amount, balance_before, balance_after, kind)
    values (p_card, -p_amount, v_balance, v_balance - p_amount, 'redeem');
    return v_balance - p_amount;
end
$$;

create function gift.transfer(p_from uuid, p_to uuid, p_amount integer) returns void
language plpgsql
as $$
declare
    v_from integer;
    v_to integer;
begin
    select balance into v_from from gift.card where id = p_from for no key update;
    select balance into v_to from gift.card where id = p_to for no key update;
    if v_from < p_amount then
        raise exception 'INSUFFICIENT: % is less than %', v_from, p_amount;
    end if;
    update gift.card set balance = v_from - p_amount where id = p_from;
    update gift.card set balance = v_to + p_amount where id = p_to;
    insert into gift.entry (card_id, amount, balance_before, balance_after, kind)
    values
        (p_from, -p_amount, v_from, v_from - p_amount, 'transfer'),
        (p_to, p_amount, v_to, v_to + p_amount, 'transfer');
end
$$;
