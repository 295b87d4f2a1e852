<?php
$metadata['urn:amazon:webservices'] = [
    'AssertionConsumerService' => 'https://signin.aws.amazon.com/saml',
    'simplesaml.nameidattribute' => 'uid',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'saml20.sign.response' => true,
    'saml20.sign.assertion' => true,
    // The default is five minutes for the assertion; AWS wants it used within five.
    'assertion.lifetime' => 300,
];
