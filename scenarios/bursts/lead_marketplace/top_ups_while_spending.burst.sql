-- title:    One workspace buys forty leads and gets ten grants at the same instant
-- property: serial, ledger
-- detects:  read_modify_write, overwritten_first_movement
-- callers:  50
-- expect:   all ok
--
-- A hot account: every call moves the same balance, and there is enough for all of them. Whatever order they take,
-- it ends at the same number.

-- @values workspace uuid
-- @setup
insert into lead_marketplace.workspaces (id) values (:workspace);
select * from lead_marketplace.add_workspace_credits(:workspace, 1000, 'opening balance');

-- @caller lead uuid, purchase uuid
insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed, marketplace_price)
values (:lead, 'available', true, 5);
insert into lead_marketplace.marketplace_purchases (id, buyer_workspace_id, payment_method)
values (:purchase, :workspace, 'credits');
insert into lead_marketplace.marketplace_purchase_items (purchase_id, lead_id, price)
values (:purchase, :lead, 5);

-- @call complete_credit_lead_purchase times 4
select * from lead_marketplace.complete_credit_lead_purchase(:purchase, :workspace, 5);

-- @call add_workspace_credits
select * from lead_marketplace.add_workspace_credits(:workspace, 5, 'bonus');

-- @check The balance is what was there, less what was spent, and what was given
select
    wallet.balance
    = 1000
    - 5 * (
        select count(*) from lead_marketplace.marketplace_purchases as bought
        where bought.buyer_workspace_id = wallet.workspace_id and bought.status = 'completed'
    )
    + 5 * (
        select count(*) from lead_marketplace.credit_grants as gift
        where gift.workspace_id = wallet.workspace_id and gift.reason = 'bonus'
    ) as agrees
from lead_marketplace.workspace_credits as wallet
where wallet.workspace_id = :workspace;
