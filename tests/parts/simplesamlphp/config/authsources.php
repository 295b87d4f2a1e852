<?php
$aws = 'https://aws.amazon.com/SAML/Attributes/';
$account = 'arn:aws:iam::111122223333:';
$config = [
    'people' => [
        'exampleauth:UserPass',
        'ada:correct horse' => [
            'uid' => ['ada@example.com'],
            $aws . 'Role' => [
                $account . 'role/ReadOnly,' . $account . 'saml-provider/SimpleSAMLphp',
                $account . 'saml-provider/SimpleSAMLphp,' . $account . 'role/ops/Migration',
            ],
            $aws . 'RoleSessionName' => ['ada@example.com'],
            $aws . 'PrincipalTag:Team' => ['storage'],
        ],
    ],
];
