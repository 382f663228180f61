create function gift.redeem(p_card uuid, p_amount integer) returns integer
language plpgsql
as $$
declare
    v_balance integer;
begin
    -- The lock comes with the read: nobody else can read the same balance and spend it too.
    select balance into v_balance from gift.card where id = p_card for no key update;
    if v_balance < p_amount then
        raise exception 'INSUFFICIENT: % is less than %', v_balance, p_amount;
    end if;
    update gift.card set balance = v_balance - p_amount where id = p_card;
    return v_balance - p_amount;
end
$$;
