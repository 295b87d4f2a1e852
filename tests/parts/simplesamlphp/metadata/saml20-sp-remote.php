<?php
$metadata['urn:amazon:webservices'] = [
    // The one that a request may ask for instead stands second.
    'AssertionConsumerService' => array_values(array_filter(['https://signin.aws.amazon.com/saml', getenv('TEMPACCESS_SSP_ACS')])),
    'simplesaml.nameidattribute' => 'uid',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'saml20.sign.response' => true,
    'saml20.sign.assertion' => true,
    // The default is five minutes for the assertion; AWS wants it used within five.
    'assertion.lifetime' => 300,
];
