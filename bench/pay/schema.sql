create schema pay;

create table pay.accounts (
    id integer primary key,
    balance bigint not null
);

insert into pay.accounts (id, balance)
select number, 0 from generate_series(1, 1000) as number;

create function pay.charge(p_account integer, p_amount integer)
returns bigint
language plpgsql
as $$
declare
    v_balance bigint;
begin
    update pay.accounts as account
    set balance = account.balance - p_amount
    where account.id = p_account
    returning account.balance into v_balance;
    return v_balance;
end;
$$;
