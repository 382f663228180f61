-- title:     A second delivery with another download is answered as if it were the first
-- class:     key_reused_for_other_arguments
-- operation: complete_stripe_lead_purchase
-- hurts:     the buyer, who is sent to a download that the purchase doesn't have
-- caught-by: contract card_completion_sells_once
-- changes:   functions/complete_stripe_lead_purchase.sql

-- @instead of
        if v_purchase.download_url is distinct from p_download_url then
            raise exception 'Purchase was completed with another download URL: %', p_purchase_id;
        end if;
-- @write
